// Samples over time, a lane for each CPU (or thread …), with a chosen stretch of time.
(function () {
  "use strict";
  const LANE = 24, AXIS = 20, MOST_LANES = 12, NAMES = 150;

  // Weight by lane and bin; lanes beyond the heaviest ones are taken together.
  function layLanes(data, dimension, isChosen, weight) {
    const heaviest = Report.weigh(dimension, data.row.count, weight, isChosen);
    const named = inOrder(dimension.name, heaviest.slice(0, heaviest.length > MOST_LANES ? MOST_LANES - 1 : MOST_LANES));
    const lanes = named.map(function (entry) { return { name: dimension.text(entry[0]), bins: new Float64Array(data.bins) }; });
    const laneOf = new Map(named.map(function (entry, i) { return [entry[0], i]; }));
    if (named.length < heaviest.length) {
      lanes.push({ name: (heaviest.length - named.length) + " others", bins: new Float64Array(data.bins) });
    }
    for (let i = 0; i < data.row.count; ++i) {
      if (!isChosen[i]) continue;
      const lane = laneOf.get(dimension.column[i]);
      lanes[lane === undefined ? lanes.length - 1 : lane].bins[data.row.bin[i]] += weight[i];
    }
    return lanes;
  }

  // CPUs stand in their order, others by weight.
  function inOrder(name, lanes) {
    return name === "cpu" ? lanes.sort(function (a, b) { return a[0] - b[0]; }) : lanes;
  }

  // A round step that gives at most so many ticks.
  function stepOf(span, most) {
    let step = Math.pow(10, Math.floor(Math.log10(span / most)));
    while (span / step > most) step *= step.toExponential()[0] === "2" ? 2.5 : 2;
    return step;
  }

  // `onChange(from, until)` in bins, when the user has chosen.
  Report.Timeline = class {
    constructor(canvas, data, onChange) {
      this.canvas = canvas;
      this.data = data;
      this.onChange = onChange;
      this.from = 0;
      this.until = data.bins;
      this.lanes = [];
      this.start = null;  // of a drag: the bin where it began
      canvas.addEventListener("pointerdown", (event) => this.begin(event));
      canvas.addEventListener("pointermove", (event) => this.move(event));
      canvas.addEventListener("pointerup", () => this.end());
      canvas.addEventListener("pointercancel", () => this.end());
      canvas.addEventListener("dblclick", () => this.choose(0, data.bins));
      canvas.addEventListener("keydown", (event) => this.press(event));
    }

    show(dimension, isChosen, weight) {
      this.lanes = layLanes(this.data, dimension, isChosen, weight);
      this.draw();
    }

    get isAll() { return this.from === 0 && this.until === this.data.bins; }

    timeOf(bin) { return this.data.start + bin * this.data.binNs; }

    text() { return Report.text(this.timeOf(this.from), "nanoseconds") + " to " + Report.text(this.timeOf(this.until), "nanoseconds"); }

    choose(from, until) {
      this.from = Math.max(0, Math.min(from, this.data.bins - 1));
      this.until = Math.max(this.from + 1, Math.min(until, this.data.bins));
      this.draw();
      this.onChange(this.from, this.until);
    }

    xOf(bin) { return NAMES + bin / this.data.bins * (this.canvas.clientWidth - NAMES); }

    binOf(event) {
      const x = event.clientX - this.canvas.getBoundingClientRect().left - NAMES;
      const bin = Math.floor(x / (this.canvas.clientWidth - NAMES) * this.data.bins);
      return Math.max(0, Math.min(bin, this.data.bins - 1));
    }

    begin(event) {
      this.start = this.binOf(event);
      this.hasMoved = false;
      this.canvas.setPointerCapture(event.pointerId);
    }

    move(event) {
      if (this.start === null) return;
      const bin = this.binOf(event);
      if (bin !== this.start) this.hasMoved = true;
      if (!this.hasMoved) return;
      this.from = Math.min(bin, this.start);
      this.until = Math.max(bin, this.start) + 1;
      this.draw();
    }

    end() {
      if (this.start === null) return;
      this.start = null;
      if (this.hasMoved) this.choose(this.from, this.until);
      else if (!this.isAll) this.choose(0, this.data.bins);
    }

    press(event) {
      const step = Math.max(1, Math.round(this.data.bins / 50));
      const by = event.key === "ArrowRight" ? step : event.key === "ArrowLeft" ? -step : 0;
      if (event.key === "Escape") {
        this.choose(0, this.data.bins);
      } else if (by !== 0 && event.shiftKey) {
        this.choose(this.from, Math.max(this.until + by, this.from + 1));
      } else if (by !== 0) {
        // From all of it, the first press takes a tenth.
        const length = this.isAll ? Math.ceil(this.data.bins / 10) : this.until - this.from;
        const from = this.isAll ? (by > 0 ? 0 : this.data.bins - length) : this.from + by;
        const bounded = Math.max(0, Math.min(from, this.data.bins - length));
        this.choose(bounded, bounded + length);
      } else {
        return;
      }
      event.preventDefault();
      event.stopPropagation();
    }

    draw() {
      const scale = window.devicePixelRatio || 1, width = this.canvas.clientWidth;
      const height = Math.max(1, this.lanes.length) * LANE + AXIS;
      this.canvas.width = width * scale;
      this.canvas.height = height * scale;
      this.canvas.style.height = height + "px";
      const pen = this.canvas.getContext("2d"), style = getComputedStyle(this.canvas);
      const colour = function (name) { return style.getPropertyValue(name); };
      pen.scale(scale, scale);
      pen.font = "12px system-ui, 'DejaVu Sans', sans-serif";
      pen.textBaseline = "middle";
      let most = 0;
      for (const lane of this.lanes) for (const weight of lane.bins) most = Math.max(most, weight);
      this.lanes.forEach((lane, i) => this.drawLane(pen, lane, i * LANE, most, width, colour));
      this.drawAxis(pen, height - AXIS, width, colour);
      if (!this.isAll) {
        pen.fillStyle = colour("--chosen");
        pen.fillRect(this.xOf(this.from), 0, this.xOf(this.until) - this.xOf(this.from), height - AXIS);
        pen.fillStyle = colour("--accent");
        for (const bin of [this.from, this.until]) pen.fillRect(this.xOf(bin) - 1, 0, 2, height - AXIS);
      }
      this.canvas.setAttribute("aria-valuemax", this.data.bins);
      this.canvas.setAttribute("aria-valuenow", this.from);
      this.canvas.setAttribute("aria-valuetext", this.isAll ? "all of the time" : this.text());
    }

    // The heaviest bin of all lanes is as high as its lane.
    drawLane(pen, lane, top, most, width, colour) {
      pen.fillStyle = colour("--text");
      let name = lane.name;
      while (name.length > 1 && pen.measureText(name).width > NAMES - 12) name = name.slice(0, -2) + "\u2026";
      pen.fillText(name, 0, top + LANE / 2);
      pen.fillStyle = colour("--line");
      pen.fillRect(NAMES, top + LANE - 1, width - NAMES, 1);
      pen.fillStyle = colour("--bar");
      const binWidth = (width - NAMES) / this.data.bins;
      for (let bin = 0; bin < this.data.bins; ++bin) {
        if (!(lane.bins[bin] > 0)) continue;
        const height = Math.max(1.5, lane.bins[bin] / most * (LANE - 4));
        pen.globalAlpha = this.isAll || (bin >= this.from && bin < this.until) ? 1 : 0.35;
        pen.fillRect(NAMES + bin * binWidth, top + LANE - 1 - height, Math.max(binWidth, 1), height);
      }
      pen.globalAlpha = 1;
    }

    drawAxis(pen, top, width, colour) {
      const span = this.data.bins * this.data.binNs, step = stepOf(span, Math.max(2, (width - NAMES) / 110));
      pen.fillStyle = colour("--faint");
      for (let time = Math.ceil(this.data.start / step) * step; time <= this.data.start + span; time += step) {
        const x = this.xOf((time - this.data.start) / this.data.binNs);
        pen.fillRect(x, top, 1, 4);
        const text = Report.text(Number(time.toPrecision(12)), "nanoseconds");
        pen.fillText(text, Math.min(x + 3, width - pen.measureText(text).width), top + 12);
      }
    }
  };
})();
