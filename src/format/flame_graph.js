// The life of a flame graph in an SVG file: zoom, search, keys, tooltips, width of the window.
// Without it the picture stands as it was written (flame_svg.cc), with the same geometry.
(function () {
  "use strict";
  const SVG = "http://www.w3.org/2000/svg";
  const picture = (document.currentScript && document.currentScript.closest("svg.flame")) ||
    document.documentElement;
  const canvas = picture.getElementById("frames");
  const details = picture.getElementById("details");
  const row = Number(picture.dataset.row), letter = Number(picture.dataset.letter);
  const margin = Number(picture.dataset.margin), levels = Number(canvas.dataset.levels);
  const EPSILON = 1e-5;  // of 100, the whole: what is written is rounded

  // One for each box: its place in percent of the whole, and what is drawn of it.
  const frames = Array.from(canvas.children, function (group) {
    const rect = group.querySelector("rect");
    const title = group.querySelector("title").textContent;
    const y = parseFloat(rect.getAttribute("y"));
    return {
      group: group, rect: rect, text: group.querySelector("text"), title: title,
      name: title.split("\n")[0], x: parseFloat(rect.getAttribute("x")),
      width: parseFloat(rect.getAttribute("width")), depth: levels - 1 - Math.round(y / row),
      left: 0, shown: 0, isVisible: true,
    };
  });
  const byGroup = new Map(frames.map(function (frame) { return [frame.group, frame]; }));
  const root = frames[0];
  const state = { zoom: root, before: [], at: root, isIcicle: false, points: 0 };

  function end(frame) { return frame.x + frame.width; }

  function isWithin(frame, outer) {
    return frame.x >= outer.x - EPSILON && end(frame) <= end(outer) + EPSILON;
  }

  function yOf(frame) { return row * (state.isIcicle ? frame.depth : levels - 1 - frame.depth); }

  // As many letters as fit; nothing where that would say nothing.
  function fit(name, points) {
    const room = Math.floor((points - 6) / letter);
    const letters = Array.from(name.slice(0, 2 * Math.max(room, 0) + 2));
    if (letters.length <= room) return name;
    return room < 3 ? "" : letters.slice(0, room - 1).join("") + "\u2026";
  }

  function drawText(frame) {
    const text = fit(frame.name, frame.shown * state.points / 100);
    if (text === "" && !frame.text) return;
    if (!frame.text) {
      frame.text = document.createElementNS(SVG, "text");
      frame.text.setAttribute("dx", "3");
      frame.group.appendChild(frame.text);
    }
    frame.text.textContent = text;
    frame.text.setAttribute("x", frame.left + "%");
    frame.text.setAttribute("y", yOf(frame) + 12);
  }

  function place(frame) {
    const zoom = state.zoom;
    const isAbove = frame.depth < zoom.depth && isWithin(zoom, frame);
    frame.isVisible = isAbove || (frame.depth >= zoom.depth && isWithin(frame, zoom));
    frame.group.style.display = frame.isVisible ? "" : "none";
    if (!frame.isVisible) return;
    frame.group.classList.toggle("above", isAbove);
    frame.left = isAbove ? 0 : Math.max(0, 100 * (frame.x - zoom.x) / zoom.width);
    frame.shown = isAbove ? 100 : 100 * frame.width / zoom.width;
    frame.rect.setAttribute("x", frame.left + "%");
    frame.rect.setAttribute("width", frame.shown + "%");
    frame.rect.setAttribute("y", yOf(frame));
    drawText(frame);
  }

  function draw() {
    frames.forEach(place);
    buttons.back.style.display = state.zoom === root ? "none" : "";
  }

  function zoomTo(frame) {
    if (frame === state.zoom) return;
    state.before.push(state.zoom);
    state.zoom = frame;
    draw();
  }

  function zoomBack() {
    state.zoom = state.before.pop() || root;
    draw();
  }

  function say(frame) { details.textContent = frame ? frame.title.split("\n").join("  \u00b7  ") : ""; }

  function moveTo(frame) {
    if (!frame) return;
    state.at.group.removeAttribute("tabindex");
    state.at = frame;
    frame.group.setAttribute("tabindex", "0");
    frame.group.focus();
    say(frame);
  }

  // The nearest visible frame in a direction: its caller, its widest callee, or beside it.
  function neighbour(frame, key) {
    const towards = state.isIcicle ? { ArrowUp: -1, ArrowDown: 1 } : { ArrowUp: 1, ArrowDown: -1 };
    const visible = frames.filter(function (other) { return other.isVisible; });
    const step = towards[key];
    if (step) {
      return visible.filter(function (other) {
        return other.depth === frame.depth + step &&
          (step < 0 ? isWithin(frame, other) : isWithin(other, frame));
      }).sort(function (a, b) { return b.width - a.width; })[0];
    }
    const beside = visible.filter(function (other) {
      return other.depth === frame.depth && (key === "ArrowLeft" ? other.x < frame.x : other.x > frame.x);
    }).sort(function (a, b) { return a.x - b.x; });
    return key === "ArrowLeft" ? beside[beside.length - 1] : beside[0];
  }

  // Shows what matches and how much of the whole that is: a match below another counts once.
  function search(text) {
    let pattern = null;
    try {
      pattern = text === "" ? null : new RegExp(text, "i");
    } catch (error) {
      matched.textContent = "no such pattern: " + error.message;
      return;
    }
    const hits = [];
    frames.forEach(function (frame) {
      const isHit = pattern !== null && pattern.test(frame.name);
      frame.group.classList.toggle("hit", isHit);
      if (isHit) hits.push(frame);
    });
    hits.sort(function (a, b) { return a.x - b.x || a.depth - b.depth; });
    let sum = 0, until = -1;
    hits.forEach(function (frame) {
      if (end(frame) <= until + EPSILON) return;
      sum += end(frame) - Math.max(frame.x, until);
      until = end(frame);
    });
    matched.textContent = pattern === null ? "" :
      "matched " + sum.toFixed(2) + "% in " + hits.length + (hits.length === 1 ? " frame" : " frames");
  }

  function addText(style, anchor, x) {
    const text = document.createElementNS(SVG, "text");
    text.setAttribute("class", style);
    text.setAttribute("y", "24");
    text.setAttribute("text-anchor", anchor);
    text.dataset.right = x;
    picture.appendChild(text);
    return text;
  }

  function addButton(name, key, right, act) {
    const button = addText("button", "end", right);
    button.textContent = name;
    button.setAttribute("tabindex", "0");
    button.setAttribute("role", "button");
    button.setAttribute("aria-keyshortcuts", key);
    const title = document.createElementNS(SVG, "title");
    title.textContent = name + " (" + key + ")";
    button.appendChild(title);
    button.addEventListener("click", act);
    button.addEventListener("keydown", function (event) {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.stopPropagation();
      event.preventDefault();
      act();
    });
    return button;
  }

  // SVG has no fields of its own.
  function addField() {
    const room = document.createElementNS(SVG, "foreignObject");
    room.setAttribute("y", "8");
    room.setAttribute("width", "190");
    room.setAttribute("height", "24");
    room.dataset.left = 390;
    room.style.display = "none";
    const field = document.createElementNS("http://www.w3.org/1999/xhtml", "input");
    field.setAttribute("type", "search");
    field.setAttribute("placeholder", "regular expression");
    field.setAttribute("aria-label", "search for a function");
    field.addEventListener("input", function () { search(field.value); });
    field.addEventListener("keydown", function (event) {
      event.stopPropagation();
      if (event.key === "Escape") closeSearch();
      if (event.key === "Enter") moveTo(root);
    });
    room.appendChild(field);
    picture.appendChild(room);
    return { room: room, field: field };
  }

  const matched = addText("note", "end", 10);
  matched.setAttribute("y", "40");
  matched.setAttribute("aria-live", "polite");
  const searching = addField();
  const buttons = {
    search: addButton("Search", "/", 10, openSearch),
    turn: addButton("Icicle", "i", 75, turn),
    back: addButton("Zoom out", "Escape", 140, function () { state.before = []; zoomBack(); }),
  };

  function openSearch() {
    searching.room.style.display = "";
    searching.field.focus();
  }

  function closeSearch() {
    searching.field.value = "";
    searching.room.style.display = "none";
    search("");
    moveTo(state.at);
  }

  function setIcicle(isIcicle) {
    state.isIcicle = isIcicle;
    buttons.turn.firstChild.data = isIcicle ? "Flame" : "Icicle";
  }

  function turn() {
    setIcicle(!state.isIcicle);
    draw();
  }

  // Takes the width that there is: letters keep their size, boxes grow.
  function resize() {
    picture.removeAttribute("viewBox");
    picture.setAttribute("width", "100%");
    const width = Math.max(400, picture.clientWidth || window.innerWidth);
    state.points = width - 2 * margin;
    canvas.setAttribute("width", state.points);
    picture.querySelectorAll("[data-right]").forEach(function (text) {
      text.setAttribute("x", width - Number(text.dataset.right));
    });
    searching.room.setAttribute("x", width - Number(searching.room.dataset.left));
    draw();
  }

  function frameOf(target) {
    const group = target.closest ? target.closest("#frames > g") : null;
    return group ? byGroup.get(group) : undefined;
  }

  canvas.addEventListener("click", function (event) {
    const frame = frameOf(event.target);
    if (!frame) return;
    zoomTo(frame);
    moveTo(frame);
  });
  canvas.addEventListener("mouseover", function (event) { say(frameOf(event.target)); });
  canvas.addEventListener("mouseleave", function () { say(null); });
  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey && event.key.toLowerCase() === "f" || event.key === "/") {
      openSearch();
    } else if (event.ctrlKey || event.altKey || event.metaKey) {
      return;
    } else if (event.key === "Escape") {
      if (searching.field.value !== "") closeSearch();
      else buttons.back.dispatchEvent(new Event("click"));
    } else if (event.key === "Backspace") {
      zoomBack();
    } else if (event.key === "Enter" || event.key === " ") {
      zoomTo(state.at);
    } else if (event.key === "i") {
      turn();
    } else if (event.key.startsWith("Arrow")) {
      moveTo(neighbour(state.at, event.key));
    } else {
      return;
    }
    event.preventDefault();
  });
  window.addEventListener("resize", resize);
  root.group.setAttribute("tabindex", "0");
  picture.setAttribute("role", "application");
  // Of what is higher than the window, the root is to be seen first.
  if (levels * row > window.innerHeight - Number(picture.dataset.top)) setIcicle(true);
  resize();
})();
