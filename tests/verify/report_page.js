// What somebody does with a report of the machine "web", and what the page then says; run inside the page.
(function () {
  const said = [], find = (id) => document.getElementById(id);
  const check = (name, is, wanted) => { if (is !== wanted) said.push(name + ": " + is + ", not " + wanted); };
  const press = (id, key, more) => find(id).dispatchEvent(new KeyboardEvent("keydown", Object.assign({ key: key, bubbles: true }, more)));
  const choose = (id, value) => { find(id).value = value; find(id).dispatchEvent(new Event("change")); };
  const type = (id, value) => { find(id).value = value; find(id).dispatchEvent(new Event("input")); };
  const cells = (row) => Array.from(document.querySelectorAll("#panel tbody tr")[row].cells, (cell) => cell.textContent).join("|");
  const rows = () => document.querySelectorAll("#panel tbody tr").length;
  const tab = (name) => Array.from(find("tabs").children).find((at) => at.textContent === name).click();

  check("summary", find("summary").textContent, "40 samples \u00b7 39 ms \u00b7 2 processes \u00b7 3 threads");
  check("note", document.querySelector(".banner").textContent, "17 records were lost: 17 cycles");
  check("rows", rows(), 11);
  check("function", cells(0), "|14,000 cycles|35.00%|14,000 cycles|35.00%|malloc|/usr/lib/x86_64-linux-gnu/libc.so.6");
  check("details", find("details").textContent, "all  \u00b7  40,000 cycles, 100.00%");

  type("search", "^(parse|malloc|copy)$");
  check("matched", find("matched").textContent, "matched 52.50%");
  type("search", "(");
  check("bad pattern", find("matched").textContent, "no such pattern");
  type("search", "");

  type("table-filter", "srv");
  check("filtered", find("table-count").textContent, "6 of 11 rows");
  type("table-filter", "");
  document.querySelectorAll("#panel th button")[1].click();
  check("sorted", document.querySelector("th[aria-sort]").textContent + cells(0), "total \u25be|40,000 cycles|100.00%|0 cycles|0.00%|main|/srv/web");
  tab("Processes");
  check("processes", cells(0) + cells(1), "|30,000 cycles|75.00%|web (100)|10,000 cycles|25.00%|db (200)");
  tab("All spans");
  check("spans", cells(0), "1|9 ms|9 ms|9 ms|9 ms|across|request");
  tab("Functions");

  choose("by-process", find("by-process").options[2].value);
  check("of a process", find("chosen").textContent, "10 of 40 samples");
  check("its functions", cells(0), "|10,000 cycles|100.00%|0 cycles|0.00%|main|/srv/web");
  choose("weight", "count");
  check("counted", cells(0), "|10 samples|100.00%|0 samples|0.00%|main|/srv/web");
  choose("weight", "sum");
  find("reset").click();
  check("all again", find("chosen").textContent, "all 40 samples");

  press("timeline", "ArrowRight");  // the first tenth
  check("a time", find("chosen").textContent, "4 of 40 samples, 0 ns to 3.923 ms");
  check("told", find("timeline").getAttribute("aria-valuetext"), "0 ns to 3.923 ms");
  press("timeline", "ArrowRight", { shiftKey: true });
  check("a longer time", find("chosen").textContent.startsWith("5 of 40 samples"), true);
  press("timeline", "Escape");
  const place = find("timeline").getBoundingClientRect();
  const drag = (kind, share) => find("timeline").dispatchEvent(new PointerEvent(kind,
    { clientX: place.left + 150 + share * (place.width - 150), clientY: place.top + 5, pointerId: 1, bubbles: true }));
  find("timeline").setPointerCapture = () => {};
  drag("pointerdown", 0.5);
  drag("pointermove", 0.9999);
  drag("pointerup", 0.9999);
  check("dragged", find("chosen").textContent.startsWith("20 of 40 samples"), true);
  press("timeline", "Escape");

  press("flame", "ArrowDown");
  check("moved", find("details").textContent.startsWith("main"), true);
  press("flame", "ArrowDown");
  press("flame", "Enter");
  check("zoomed", find("zoom-out").disabled, false);
  check("to", find("details").textContent.startsWith("serve"), true);
  press("flame", "Escape");
  check("out", find("zoom-out").disabled, true);
  choose("groups", "thread");
  press("flame", "ArrowDown");
  check("by thread", find("details").textContent, "web (100)  \u00b7  20,000 cycles, 50.00%");
  choose("groups", "");
  find("inverted").click();
  press("flame", "ArrowDown");
  check("callers", find("details").textContent.startsWith("malloc"), true);
  find("inverted").click();
  find("upwards").click();
  press("flame", "ArrowUp");
  check("upwards", find("details").textContent.startsWith("main"), true);
  find("theme").click();
  check("theme", document.documentElement.dataset.theme, "dark");
  document.body.textContent = "RESULT " + (said.length === 0 ? "good" : said.join("; ")) + " END";
})();
