// The tables of a report: sorted by any column, filtered by a text, more rows on demand.
(function () {
  "use strict";
  const FIRST_ROWS = 100;

  function element(name, text, style) {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (style) made.className = style;
    return made;
  }

  // A table: { name, columns: [{ name, isNumber, text(row), value(row), isShare, onClick(row) }], rows() }
  Report.Tables = class {
    constructor(parts, tables) {
      this.parts = parts;  // tabs, panel, filter, count, more
      this.tables = tables;
      this.at = 0;
      this.order = tables.map(function (table) { return { column: table.sortedBy, isDescending: true }; });
      this.most = FIRST_ROWS;
      this.tabs = tables.map((table, i) => this.addTab(table, i));
      parts.filter.addEventListener("input", () => this.show());
      parts.more.addEventListener("click", () => {
        this.most *= 5;
        this.show();
      });
    }

    addTab(table, index) {
      const tab = element("button", table.name);
      tab.type = "button";
      tab.setAttribute("role", "tab");
      tab.setAttribute("aria-controls", this.parts.panel.id);
      tab.addEventListener("click", () => this.open(index));
      tab.addEventListener("keydown", (event) => {
        const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
        if (by === 0) return;
        event.preventDefault();
        this.open((index + by + this.tables.length) % this.tables.length);
        this.tabs[this.at].focus();
      });
      this.parts.tabs.appendChild(tab);
      return tab;
    }

    open(index) {
      this.at = index;
      this.most = FIRST_ROWS;
      this.show();
    }

    show() {
      const table = this.tables[this.at], order = this.order[this.at];
      this.tabs.forEach((tab, i) => {
        tab.setAttribute("aria-selected", i === this.at ? "true" : "false");
        tab.tabIndex = i === this.at ? 0 : -1;
      });
      const wanted = this.parts.filter.value.toLowerCase(), all = table.rows();
      const rows = all.filter(function (row) {
        return wanted === "" || table.columns.some(function (column) {
          return !column.isNumber && column.text(row).toLowerCase().includes(wanted);
        });
      });
      const column = table.columns[order.column], sign = order.isDescending ? -1 : 1;
      rows.sort(function (a, b) {
        const left = column.value(a), right = column.value(b);
        return left < right ? -sign : left > right ? sign : 0;
      });
      this.draw(table, rows);
      this.parts.count.textContent = rows.length.toLocaleString("en-US") +
        (rows.length === all.length ? " rows" : " of " + all.length.toLocaleString("en-US") + " rows");
    }

    draw(table, rows) {
      const head = this.parts.panel.querySelector("thead"), body = this.parts.panel.querySelector("tbody");
      head.replaceChildren(this.headOf(table));
      body.replaceChildren.apply(body, rows.slice(0, this.most).map(function (row) {
        const line = document.createElement("tr");
        table.columns.forEach(function (column) {
          const cell = element("td", undefined, column.isShare ? "share" : column.isNumber ? "number" : "");
          if (column.isShare) {
            const bar = element("i");
            bar.style.width = Math.max(0, Math.min(100, 100 * column.value(row))) + "%";
            cell.appendChild(bar);
            cell.setAttribute("aria-hidden", "true");
          } else if (column.onClick) {
            const button = element("button", column.text(row));
            button.type = "button";
            button.addEventListener("click", function () { column.onClick(row); });
            cell.appendChild(button);
          } else {
            cell.textContent = column.text(row);
          }
          line.appendChild(cell);
        });
        return line;
      }));
      this.parts.more.hidden = rows.length <= this.most;
    }

    headOf(table) {
      const line = document.createElement("tr"), order = this.order[this.at];
      table.columns.forEach((column, i) => {
        const cell = element("th", undefined, column.isNumber ? "number" : "");
        cell.scope = "col";
        if (i === order.column) cell.setAttribute("aria-sort", order.isDescending ? "descending" : "ascending");
        const mark = i !== order.column ? "" : order.isDescending ? " \u25be" : " \u25b4";
        const button = element("button", column.name + mark);
        button.type = "button";
        button.addEventListener("click", () => {
          order.isDescending = i === order.column ? !order.isDescending : column.isNumber === true;
          order.column = i;
          this.show();
          this.parts.panel.querySelectorAll("th button")[i].focus();
        });
        cell.appendChild(button);
        line.appendChild(cell);
      });
      return line;
    }
  };
})();
