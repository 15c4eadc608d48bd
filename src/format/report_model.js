// What a report knows: rows of samples that are alike, a tree of stacks, and sums of what is chosen.
// docs/formats/html_report.md describes the data.
const Report = {};

(function () {
  "use strict";

  function bytesOf(text) {
    const bytes = atob(text);
    const all = new Uint8Array(bytes.length);
    for (let i = 0; i < bytes.length; ++i) all[i] = bytes.charCodeAt(i);
    return all;
  }

  // LEB128; numbers may have up to 53 bits, so no shifts.
  function unpack(text, count, Type) {
    const bytes = bytesOf(text), numbers = new Type(count);
    let at = 0;
    for (let i = 0; i < count; ++i) {
      let number = 0, factor = 1, byte;
      do {
        byte = bytes[at++];
        number += (byte & 127) * factor;
        factor *= 128;
      } while (byte > 127);
      numbers[i] = number;
    }
    return numbers;
  }

  function unpackNodes(data) {
    const count = data.nodes;
    const nodes = {
      count: count, parent: unpack(data.nodeParent, count, Uint32Array),
      function: unpack(data.nodeFunction, count, Uint32Array), kind: unpack(data.nodeKind, count, Uint8Array),
    };
    for (let i = 0; i < count; ++i) nodes.parent[i] = i - nodes.parent[i];
    nodes.module = Uint32Array.from(nodes.function, function (id) { return data.functions[id][1]; });
    nodes.isFirstOfFunction = firstOnPath(nodes, nodes.function);
    nodes.isFirstOfModule = firstOnPath(nodes, nodes.module);
    return nodes;
  }

  // Whether no caller of a node has the same label: what is called by itself counts once. One walk in depth.
  function firstOnPath(nodes, label) {
    const first = new Int32Array(nodes.count).fill(-1), next = new Int32Array(nodes.count).fill(-1);
    for (let i = nodes.count - 1; i > 0; --i) {
      next[i] = first[nodes.parent[i]];
      first[nodes.parent[i]] = i;
    }
    const isFirst = new Uint8Array(nodes.count), open = new Map(), path = [];
    let at = 0;
    while (at !== -1) {
      const times = open.get(label[at]) || 0;
      isFirst[at] = times === 0 ? 1 : 0;
      open.set(label[at], times + 1);
      path.push(at);
      let to = first[at];
      while (to === -1 && path.length > 0) {
        const done = path.pop();
        open.set(label[done], open.get(label[done]) - 1);
        to = path.length > 0 ? next[done] : -1;
      }
      at = to;
    }
    return isFirst;
  }

  function unpackRows(data) {
    const count = data.rows;
    const rows = {
      count: count, bin: unpack(data.rowBin, count, Uint32Array),
      thread: unpack(data.rowThread, count, Uint32Array), cpu: unpack(data.rowCpu, count, Uint32Array),
      event: unpack(data.rowEvent, count, Uint16Array), node: unpack(data.rowNode, count, Uint32Array),
      samples: unpack(data.rowCount, count, Float64Array),
    };
    rows.sum = data.rowSum !== undefined ? unpack(data.rowSum, count, Float64Array)
      : new Float64Array(bytesOf(data.rowSumDoubles).buffer);
    for (let i = 1; i < count; ++i) rows.bin[i] += rows.bin[i - 1];
    rows.process = Uint32Array.from(rows.thread, function (id) { return data.threads[id][0]; });
    return rows;
  }

  Report.load = function (text) {
    const data = JSON.parse(text);
    data.node = unpackNodes(data);
    data.row = unpackRows(data);
    return data;
  };

  // The column that a person calls so, and the names of what is in it.
  Report.dimension = function (data, name) {
    const withNumber = function (text, number) { return number < 0 ? text : text + " (" + number + ")"; };
    switch (name) {
      case "process":
        return { name: name, column: data.row.process, text: function (id) {
          return withNumber(data.processes[id][1], data.processes[id][0]);
        } };
      case "thread":
        return { name: name, column: data.row.thread, text: function (id) {
          return withNumber(data.threads[id][2], data.threads[id][1]);
        } };
      case "kind":
        return { name: name, column: data.row.event, text: function (id) { return data.kinds[id][0]; } };
      default:
        return { name: "cpu", column: data.row.cpu, text: function (id) {
          return id === 0 ? "CPU not known" : "CPU " + (id - 1);
        } };
    }
  };

  // Ids of a dimension with their weights, the heaviest first.
  Report.weigh = function (dimension, count, weight, isChosen) {
    const sums = new Map();
    for (let i = 0; i < count; ++i) {
      if (isChosen && !isChosen[i]) continue;
      sums.set(dimension.column[i], (sums.get(dimension.column[i]) || 0) + weight[i]);
    }
    return Array.from(sums).sort(function (a, b) { return b[1] - a[1] || a[0] - b[0]; });
  };

  // 1 for each row that the filter lets through. filter: kind, process, thread, cpu (null: all), from, until (bins).
  Report.choose = function (data, filter, ignoresTime) {
    const row = data.row, isChosen = new Uint8Array(row.count);
    for (let i = 0; i < row.count; ++i) {
      isChosen[i] = (filter.kind === null || row.event[i] === filter.kind) &&
        (filter.process === null || row.process[i] === filter.process) &&
        (filter.thread === null || row.thread[i] === filter.thread) &&
        (filter.cpu === null || row.cpu[i] === filter.cpu) &&
        (ignoresTime || (row.bin[i] >= filter.from && row.bin[i] < filter.until)) ? 1 : 0;
    }
    return isChosen;
  };

  // Sums by node of the stacks' tree: of its own and with callees.
  Report.sumNodes = function (data, isChosen, weight) {
    const self = new Float64Array(data.node.count), row = data.row;
    for (let i = 0; i < row.count; ++i) if (isChosen[i]) self[row.node[i]] += weight[i];
    const total = Float64Array.from(self);
    for (let i = data.node.count - 1; i > 0; --i) total[data.node.parent[i]] += total[i];
    return { self: self, total: total };
  };

  // By function or module: its own, and with what it calls.
  Report.sumLabels = function (data, sums, label, isFirst) {
    const found = new Map();
    for (let i = 1; i < data.node.count; ++i) {
      if (sums.total[i] === 0) continue;
      let entry = found.get(label[i]);
      if (!entry) found.set(label[i], entry = { id: label[i], self: 0, total: 0 });
      entry.self += sums.self[i];
      if (isFirst[i]) entry.total += sums.total[i];
    }
    return Array.from(found.values());
  };

  const STEPS = {
    nanoseconds: [[1e9, "s"], [1e6, "ms"], [1e3, "µs"], [1, "ns"]],
    bytes: [[2 ** 40, "TiB"], [2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"], [1, "B"]],
  };

  // A number with its unit as people write it.
  Report.text = function (number, unit) {
    const steps = STEPS[unit];
    if (!steps) {
      const text = number.toLocaleString("en-US", { maximumFractionDigits: 2 });
      return unit ? text + " " + unit : text;
    }
    const step = steps.find(function (at) { return Math.abs(number) >= at[0]; }) || steps[steps.length - 1];
    return Number((number / step[0]).toPrecision(4)) + " " + step[1];
  };

  Report.share = function (part, whole) { return (whole > 0 ? 100 * part / whole : 0).toFixed(2) + "%"; };
})();
