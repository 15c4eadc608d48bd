// Puts a report together: what is chosen, and what shows it.
(function () {
  "use strict";
  const find = function (id) { return document.getElementById(id); };
  const data = Report.load(find("data").textContent);
  const state = {
    kind: null, process: null, thread: null, cpu: null, from: 0, until: data.bins,
    isChosen: null, weight: data.row.samples, unit: "", whole: 0, sums: null,
  };
  const MOST_CHOICES = 500;

  function fillSelect(id, label, name, column) {
    const select = find(id), dimension = Report.dimension(data, name);
    const choices = Report.weigh({ column: column }, data.row.count, data.row.samples);
    select.appendChild(new Option("all" + (choices.length > 1 ? " " + choices.length : ""), ""));
    choices.slice(0, MOST_CHOICES).forEach(function (choice) {
      select.appendChild(new Option(dimension.text(choice[0]), choice[0]));
    });
    select.disabled = choices.length < 2;
    select.addEventListener("change", function () {
      state[label] = select.value === "" ? null : Number(select.value);
      refresh();
    });
    return select;
  }

  const selects = [
    fillSelect("by-kind", "kind", "kind", data.row.event),
    fillSelect("by-process", "process", "process", data.row.process),
    fillSelect("by-thread", "thread", "thread", data.row.thread),
    fillSelect("by-cpu", "cpu", "cpu", data.row.cpu),
  ];

  function shortName(name) { return name.length > 24 ? name.slice(0, 23) + "\u2026" : name; }

  // Values of several kinds have no sum: then samples are counted.
  function chooseWeight() {
    const kind = state.kind !== null ? state.kind : data.kinds.length === 1 ? 0 : null;
    const select = find("weight");
    select.disabled = kind === null;
    const byValue = kind !== null && select.value === "sum";
    state.weight = byValue ? data.row.sum : data.row.samples;
    const unit = byValue ? data.kinds[kind][1] : "";
    state.unit = !byValue ? "samples" : unit === "count" || unit === "" ? shortName(data.kinds[kind][0]) : unit;
  }

  function text(number) { return Report.text(number, state.unit); }

  const flame = new Report.FlameView(find("flame"), find("flame-room"), find("flame-height"), data, {
    hover: function (node, event) {
      showTip(node, event);
      describe(node < 0 ? flame.at : node);
    },
    moved: describe,
    zoomed: function (isZoomed) { find("zoom-out").disabled = !isZoomed; },
  });
  const timeline = new Report.Timeline(find("timeline"), data, function (from, until) {
    state.from = from;
    state.until = until;
    refresh();
  });

  function linesOf(node) {
    const tree = flame.tree, lines = [flame.name(node)], module = flame.module(node);
    if (module) lines.push(module + " (" + Report.kindName(tree.kind[node]) + ")");
    lines.push(text(tree.total[node]) + ", " + Report.share(tree.total[node], tree.total[0]) +
      (tree.self[node] > 0 && tree.self[node] < tree.total[node]
        ? "; itself " + Report.share(tree.self[node], tree.total[0]) : ""));
    return lines;
  }

  function describe(node) { find("details").textContent = linesOf(node).join("  \u00b7  "); }

  function showTip(node, event) {
    const tip = find("tip");
    tip.hidden = node < 0;
    if (node < 0) return;
    tip.textContent = linesOf(node).join("\n");
    const place = tip.getBoundingClientRect();
    tip.style.left = Math.max(0, Math.min(event.clientX + 14, innerWidth - place.width - 8)) + "px";
    tip.style.top = Math.max(0, Math.min(event.clientY + 18, innerHeight - place.height - 8)) + "px";
  }

  function search() {
    const field = find("search"), out = find("matched");
    let pattern = null;
    field.setAttribute("aria-invalid", "false");
    try {
      pattern = field.value === "" ? null : new RegExp(field.value, "i");
    } catch (error) {
      field.setAttribute("aria-invalid", "true");
      out.textContent = "no such pattern";
      return;
    }
    const found = flame.search(pattern);
    out.textContent = pattern === null ? "" : "matched " + Report.share(found.sum, flame.tree.total[0]);
  }

  function showFlame() {
    flame.isUpwards = find("upwards").checked;
    flame.show(Report.makeTree(data, state.isChosen, state.weight, find("groups").value, find("inverted").checked));
    search();
    describe(flame.at);
  }

  function showTimeline() {
    const name = find("lanes").value;
    timeline.show(Report.dimension(data, name === "CPU" ? "cpu" : name),
      Report.choose(data, state, true), state.weight);
  }

  // Everything again for what is chosen now.
  function refresh() {
    chooseWeight();
    state.isChosen = Report.choose(data, state, false);
    state.sums = Report.sumNodes(data, state.isChosen, state.weight);
    state.whole = state.sums.total[0];
    let samples = 0, all = 0;
    for (let i = 0; i < data.row.count; ++i) {
      all += data.row.samples[i];
      if (state.isChosen[i]) samples += data.row.samples[i];
    }
    find("chosen").textContent = samples === all ? "all " + Report.text(all, "samples")
      : Report.text(samples, "") + " of " + Report.text(all, "samples") + (timeline.isAll ? "" : ", " + timeline.text());
    showTimeline();
    showFlame();
    tables.show();
  }

  function searchFor(name) {
    find("search").value = "^" + name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&") + "$";
    search();
    find("flame").scrollIntoView({ block: "nearest" });
  }

  function weightColumns(withSelf) {
    const part = function (row) { return state.whole > 0 ? row.total / state.whole : 0; };
    const columns = [{ name: "", isNumber: true, isShare: true, value: part, text: function () { return ""; } }];
    const add = function (name, field) {
      columns.push({ name: name, isNumber: true, value: function (row) { return row[field]; },
        text: function (row) { return text(row[field]); } });
      columns.push({ name: "%", isNumber: true, value: function (row) { return row[field]; },
        text: function (row) { return Report.share(row[field], state.whole); } });
    };
    add("total", "total");
    if (withSelf) add("self", "self");
    return columns;
  }

  function textColumn(name, textOf, onClick) {
    return { name: name, text: textOf, value: textOf, onClick: onClick };
  }

  function dimensionTable(title, name, id) {
    const dimension = Report.dimension(data, name), select = find(id);
    return {
      name: title, sortedBy: 1,
      columns: weightColumns(false).concat([textColumn(name, function (row) { return dimension.text(row.id); },
        function (row) {
          select.value = row.id;
          state[name] = row.id;
          refresh();
        })]),
      rows: function () {
        return Report.weigh(dimension, data.row.count, state.weight, state.isChosen)
          .map(function (entry) { return { id: entry[0], total: entry[1] }; });
      },
    };
  }

  function makeTables() {
    const functionName = function (row) { return data.functions[row.id][0]; };
    const list = [{
      name: "Functions", sortedBy: 3,
      columns: weightColumns(true).concat([
        textColumn("function", functionName, function (row) { searchFor(functionName(row)); }),
        textColumn("module", function (row) { return data.modules[data.functions[row.id][1]]; }),
      ]),
      rows: function () { return Report.sumLabels(data, state.sums, data.node.function, data.node.isFirstOfFunction); },
    }, {
      name: "Modules", sortedBy: 3,
      columns: weightColumns(true).concat([textColumn("module", function (row) { return data.modules[row.id]; })]),
      rows: function () { return Report.sumLabels(data, state.sums, data.node.module, data.node.isFirstOfModule); },
    }, dimensionTable("Processes", "process", "by-process"), dimensionTable("Threads", "thread", "by-thread")];
    if (data.spans.length > 0) list.push(spanTable());
    return list;
  }

  function spanTable() {
    const duration = function (name, valueOf) {
      return { name: name, isNumber: true, value: valueOf,
        text: function (row) { return Report.text(valueOf(row), "nanoseconds"); } };
    };
    return {
      name: "All spans", sortedBy: 1,
      columns: [
        { name: "count", isNumber: true, value: function (row) { return row[2]; }, text: function (row) { return Report.text(row[2], ""); } },
        duration("total", function (row) { return row[3]; }),
        duration("mean", function (row) { return row[3] / row[2]; }),
        duration("shortest", function (row) { return row[4]; }),
        duration("longest", function (row) { return row[5]; }),
        textColumn("name", function (row) { return row[0]; }),
        textColumn("kind", function (row) { return row[1]; }),
      ],
      rows: function () { return data.spans.slice(); },
    };
  }

  const tables = new Report.Tables({
    tabs: find("tabs"), panel: find("panel"), filter: find("table-filter"), count: find("table-count"), more: find("more"),
  }, makeTables());

  function addNotes() {
    data.notes.concat(data.thinned).forEach(function (note) {
      const line = document.createElement("p");
      line.className = "banner";
      line.textContent = note;
      find("notes").appendChild(line);
    });
    data.facts.forEach(function (fact) {
      const line = find("facts").insertRow();
      fact.forEach(function (part) { line.insertCell().textContent = part; });
    });
    Report.frameKinds.forEach(function (kind) {
      const item = document.createElement("span"), swatch = document.createElement("i");
      swatch.style.background = kind[1];
      item.append(swatch, kind[0]);
      find("legend").appendChild(item);
    });
    let samples = 0;
    data.row.samples.forEach(function (count) { samples += count; });
    // Profiles of other tools have no times.
    const times = data.bins * data.binNs > 1 ? [Report.text(data.bins * data.binNs, "nanoseconds")] : [];
    find("summary").textContent = [
      Report.text(samples, samples === 1 ? "sample" : "samples"),
      ...times,
      data.processes.length + (data.processes.length === 1 ? " process" : " processes"),
      data.threads.length + (data.threads.length === 1 ? " thread" : " threads"),
    ].join(" \u00b7 ");
  }

  function setTheme(name) {
    document.documentElement.dataset.theme = name;
    find("theme").textContent = name === "dark" ? "Light" : "Dark";
    timeline.draw();
    flame.draw();
  }

  function toggleTheme() { setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"); }

  function reset() {
    selects.forEach(function (select) { select.value = ""; });
    state.kind = state.process = state.thread = state.cpu = null;
    timeline.choose(0, data.bins);
  }

  find("weight").addEventListener("change", refresh);
  find("lanes").addEventListener("change", showTimeline);
  find("groups").addEventListener("change", showFlame);
  find("inverted").addEventListener("change", showFlame);
  find("upwards").addEventListener("change", showFlame);
  find("search").addEventListener("input", search);
  find("zoom-out").addEventListener("click", function () { flame.zoomTo(0); });
  find("theme").addEventListener("click", toggleTheme);
  find("reset").addEventListener("click", reset);
  find("filters").addEventListener("submit", function (event) { event.preventDefault(); });
  find("flame").addEventListener("focus", function () { flame.draw(); });
  find("flame").addEventListener("blur", function () { flame.draw(); });
  window.addEventListener("resize", function () {
    timeline.draw();
    flame.layOut();
  });
  document.addEventListener("keydown", function (event) {
    const isTyping = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (isTyping || event.ctrlKey || event.altKey || event.metaKey) {
      if (isTyping && event.key === "Escape") find("flame").focus();
      return;
    }
    if (event.key === "/") find("search").focus();
    else if (event.key === "t") toggleTheme();
    else if (event.key === "r") reset();
    else if (event.key === "Escape") flame.zoomTo(0);
    else return;
    event.preventDefault();
  });

  addNotes();
  if (Report.weigh({ column: data.row.cpu }, data.row.count, data.row.samples).length < 2) find("lanes").value = "thread";
  refresh();
  setTheme(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
})();
