// The flame graph of a report: a tree made of the chosen rows, drawn on a canvas that is as high as what is seen of it.
(function () {
  "use strict";
  const ROW = 18, LETTER = 6.7, FONT = "11px ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace";
  const KINDS = ["user", "kernel", "inlined", "compiled at run time", "function not known", "no code"];
  // Hue, saturation and lightness of each kind, and how far its shades go.
  const COLOURS = [[28, 88, 66, 18], [258, 62, 77, 20], [184, 52, 65, 12], [112, 52, 63, 16], [215, 10, 73, 0], [240, 8, 86, 0]];

  function colour(kind, name) {
    let hash = 0;
    for (let i = 0; i < name.length && i < 100; ++i) hash = (hash * 31 + name.charCodeAt(i)) | 0;
    const at = COLOURS[kind], shade = ((hash >>> 3) % 7) / 3 - 1;
    return "hsl(" + (at[0] + shade * at[3]) + " " + at[1] + "% " + (at[2] + (hash >>> 7) % 5 - 2) + "%)";
  }

  // A tree of labels with weights; children before drawing are in no order.
  class Tree {
    constructor() {
      this.label = [-1];
      this.kind = [5];
      this.parent = [0];
      this.self = [0];
      this.total = [0];
      this.name = [];  // of nodes that are no functions: by node
      this.children = null;
    }

    add(parent, label, kind, name) {
      const node = this.label.length;
      this.label.push(label);
      this.kind.push(kind);
      this.parent.push(parent);
      this.self.push(0);
      this.total.push(0);
      if (name !== undefined) this.name[node] = name;
      return node;
    }

    finish() {
      const count = this.label.length;
      this.children = Array.from({ length: count }, function () { return null; });
      for (let i = 0; i < count; ++i) this.total[i] += this.self[i];
      for (let i = count - 1; i > 0; --i) {
        const parent = this.parent[i];
        this.total[parent] += this.total[i];
        (this.children[parent] = this.children[parent] || []).push(i);
      }
      return this;
    }

    // The heaviest first; sorted when first asked for.
    childrenOf(node) {
      const children = this.children[node];
      if (children === null) return [];
      if (!children.isSorted) {
        const total = this.total;
        children.sort(function (a, b) { return total[b] - total[a] || a - b; });
        children.isSorted = true;
      }
      return children;
    }
  }

  // Nodes of the stacks' tree that have samples of these rows: as they are, below `top`.
  function addStacks(data, tree, top, self, touched) {
    const nodes = data.node, isThere = new Set([0]);
    touched.forEach(function (node) {
      for (let at = node; !isThere.has(at); at = nodes.parent[at]) isThere.add(at);
    });
    const nodeOf = new Map([[0, top]]);
    Array.from(isThere).sort(function (a, b) { return a - b; }).forEach(function (node) {
      if (node !== 0) {
        nodeOf.set(node, tree.add(nodeOf.get(nodes.parent[node]), nodes.function[node], nodes.kind[node]));
      }
      tree.self[nodeOf.get(node)] += self.get(node) || 0;
    });
  }

  // The same from the innermost function outwards: callers below callees.
  function addInverted(data, tree, top, self, touched) {
    const nodes = data.node, children = new Map();
    touched.forEach(function (node) {
      const weight = self.get(node);
      let at = top;
      for (let from = node; from !== 0; from = nodes.parent[from]) {
        const key = at * data.functions.length + nodes.function[from];
        let child = children.get(key);
        if (child === undefined) {
          child = tree.add(at, nodes.function[from], nodes.kind[from]);
          children.set(key, child);
        }
        at = child;
      }
      tree.self[at] += weight;
    });
  }

  Report.makeTree = function (data, isChosen, weight, groupName, isInverted) {
    const row = data.row, tree = new Tree(), groups = new Map();
    tree.name[0] = "all";
    const dimension = groupName ? Report.dimension(data, groupName) : null;
    for (let i = 0; i < row.count; ++i) {
      if (!isChosen[i]) continue;
      const group = dimension ? dimension.column[i] : 0;
      let self = groups.get(group);
      if (!self) groups.set(group, self = new Map());
      self.set(row.node[i], (self.get(row.node[i]) || 0) + weight[i]);
    }
    groups.forEach(function (self, group) {
      const top = dimension ? tree.add(0, -1, 5, dimension.text(group)) : 0;
      (isInverted ? addInverted : addStacks)(data, tree, top, self, Array.from(self.keys()));
    });
    return tree.finish();
  };

  // draws `tree` into a canvas; `onHover(node or -1)`, `onZoom()`.
  Report.FlameView = class {
    constructor(canvas, room, height, data, listener) {
      this.canvas = canvas;
      this.room = room;
      this.height = height;
      this.data = data;
      this.listener = listener;
      this.tree = new Tree().finish();
      this.zoom = 0;
      this.at = 0;  // where the keyboard is
      this.boxes = [];
      this.pattern = null;
      this.isUpwards = false;
      this.colours = new Map();
      room.addEventListener("scroll", () => this.draw());
      canvas.addEventListener("mousemove", (event) => listener.hover(this.find(event), event));
      canvas.addEventListener("mouseleave", (event) => listener.hover(-1, event));
      canvas.addEventListener("click", (event) => this.zoomTo(this.find(event)));
      canvas.addEventListener("keydown", (event) => this.press(event));
    }

    name(node) {
      return this.tree.name[node] !== undefined ? this.tree.name[node]
        : this.data.functions[this.tree.label[node]][0];
    }

    module(node) {
      return this.tree.label[node] < 0 ? "" : this.data.modules[this.data.functions[this.tree.label[node]][1]];
    }

    // Keeps the zoom where the same path is still there.
    show(tree) {
      const path = [];
      for (let at = this.zoom; at !== 0; at = this.tree.parent[at]) path.unshift(this.name(at));
      this.tree = tree;
      this.zoom = 0;
      path.every((name) => {
        const child = tree.childrenOf(this.zoom).find((node) => this.name(node) === name);
        if (child !== undefined) this.zoom = child;
        return child !== undefined;
      });
      this.at = this.zoom;
      this.layOut();
    }

    // Callers of what is zoomed into over the whole width, then callees by weight; what is narrower than half a point is
    // not there.
    layOut() {
      const width = this.room.clientWidth, tree = this.tree, above = [];
      for (let at = this.zoom; at !== 0; at = tree.parent[at]) above.unshift(tree.parent[at]);
      this.boxes = above.map(function (node, depth) {
        return { node: node, x: 0, width: width, depth: depth, isAbove: true };
      });
      const open = [{ node: this.zoom, x: 0, width: width, depth: above.length, isAbove: false }];
      this.levels = above.length;
      while (open.length > 0) {
        const box = open.pop();
        this.boxes.push(box);
        this.levels = Math.max(this.levels, box.depth + 1);
        let x = box.x;
        for (const child of tree.childrenOf(box.node)) {
          const share = tree.total[child] / tree.total[box.node] * box.width;
          if (!(share >= 0.5)) break;
          open.push({ node: child, x: x, width: share, depth: box.depth + 1, isAbove: false });
          x += share;
        }
      }
      this.height.style.height = this.levels * ROW + "px";
      if (this.isUpwards) this.room.scrollTop = this.levels * ROW;
      this.listener.zoomed(this.zoom !== 0);
      this.draw();
    }

    yOf(box) { return (this.isUpwards ? this.levels - 1 - box.depth : box.depth) * ROW; }

    draw() {
      const scale = window.devicePixelRatio || 1, width = this.room.clientWidth;
      const shown = Math.min(this.room.clientHeight || ROW, this.levels * ROW), top = this.room.scrollTop;
      this.canvas.width = width * scale;
      this.canvas.height = shown * scale;
      this.canvas.style.height = shown + "px";
      const pen = this.canvas.getContext("2d"), style = getComputedStyle(this.canvas);
      this.hitColour = style.getPropertyValue("--hit");
      this.outline = style.getPropertyValue("--outline");
      pen.scale(scale, scale);
      pen.font = FONT;
      pen.textBaseline = "middle";
      for (const box of this.boxes) {
        const y = this.yOf(box) - top;
        if (y > -ROW && y < shown) this.drawBox(pen, box, y);
      }
    }

    drawBox(pen, box, y) {
      const name = this.name(box.node), key = this.tree.kind[box.node] + name;
      if (!this.colours.has(key)) this.colours.set(key, colour(this.tree.kind[box.node], name));
      const isHit = this.pattern !== null && this.pattern.test(name);
      const width = Math.max(box.width - (box.width > 3 ? 1 : 0.2), 0.4);
      pen.globalAlpha = box.isAbove ? 0.55 : 1;
      pen.fillStyle = isHit ? this.hitColour : this.colours.get(key);
      pen.fillRect(box.x, y, width, ROW - 1);
      if (box.node === this.at && document.activeElement === this.canvas) {
        pen.strokeStyle = this.outline;
        pen.lineWidth = 2;
        pen.strokeRect(box.x + 1, y + 1, Math.max(width - 2, 1), ROW - 3);
      }
      const room = Math.floor((box.width - 7) / LETTER);
      if (room < 3) return;
      const letters = name.length > room ? name.slice(0, room - 1) + "\u2026" : name;
      pen.fillStyle = "#141416";
      pen.fillText(letters, box.x + 4, y + ROW / 2);
    }

    find(event) {
      const place = this.canvas.getBoundingClientRect();
      const x = event.clientX - place.left, y = event.clientY - place.top + this.room.scrollTop;
      const box = this.boxes.find((at) => x >= at.x && x < at.x + at.width && y >= this.yOf(at) && y < this.yOf(at) + ROW);
      return box ? box.node : -1;
    }

    zoomTo(node) {
      if (node < 0) return;
      this.zoom = this.at = node;
      this.layOut();
    }

    // What a search finds, of the whole: a match below another counts once.
    search(pattern) {
      this.pattern = pattern;
      let sum = 0, count = 0;
      const open = pattern === null ? [] : [0];
      while (open.length > 0) {
        const node = open.pop();
        if (pattern.test(this.name(node))) {
          sum += this.tree.total[node];
          ++count;
        } else {
          for (const child of this.tree.childrenOf(node)) open.push(child);
        }
      }
      this.draw();
      return { sum: sum, count: count };
    }

    press(event) {
      const inward = this.isUpwards ? "ArrowUp" : "ArrowDown", outward = this.isUpwards ? "ArrowDown" : "ArrowUp";
      const siblings = this.at === 0 ? [0] : this.tree.childrenOf(this.tree.parent[this.at]);
      const place = siblings.indexOf(this.at);
      let to = this.at;
      if (event.key === inward) to = this.tree.childrenOf(this.at)[0];
      else if (event.key === outward) to = this.tree.parent[this.at];
      else if (event.key === "ArrowLeft") to = siblings[place - 1];
      else if (event.key === "ArrowRight") to = siblings[place + 1];
      else if (event.key === "Enter" || event.key === " ") this.zoomTo(this.at);
      else if (event.key === "Escape" || event.key === "Backspace") this.zoomTo(event.key === "Escape" ? 0 : this.tree.parent[this.zoom]);
      else return;
      event.preventDefault();
      event.stopPropagation();
      if (to !== undefined) this.at = to;
      const box = this.boxes.find((other) => other.node === this.at);
      if (box) {
        const y = this.yOf(box), top = this.room.scrollTop, seen = this.room.clientHeight;
        if (y < top || y + ROW > top + seen) this.room.scrollTop = y - seen / 2;
      }
      this.listener.moved(this.at);
      this.draw();
    }
  };

  Report.frameKinds = KINDS.slice(0, 5).map(function (name, kind) { return [name, colour(kind, "")]; });
  Report.kindName = function (kind) { return KINDS[kind]; };
})();
