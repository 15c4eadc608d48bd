// What somebody does with a flame graph of the machine "web"; run inside the picture.
(function () {
  const picture = document.documentElement, said = [];
  const check = (name, is, wanted) => { if (is !== wanted) said.push(name + ": " + is + ", not " + wanted); };
  const frames = Array.from(picture.getElementById("frames").children);
  const named = (name) => frames.find((frame) => frame.querySelector("title").textContent.split("\n")[0] === name);
  const press = (key) => document.dispatchEvent(new KeyboardEvent("keydown", { key: key, bubbles: true }));
  const click = (frame) => frame.querySelector("rect").dispatchEvent(new MouseEvent("click", { bubbles: true }));
  const seen = () => frames.filter((frame) => frame.style.display !== "none").length;
  const width = (frame) => Number(parseFloat(frame.querySelector("rect").getAttribute("width")).toFixed(3));
  const details = () => picture.getElementById("details").textContent;

  check("all", seen(), frames.length);
  check("web", width(named("web")), 75);
  click(named("web"));
  check("zoomed", width(named("web")), 100);
  check("caller", width(named("all")) + named("all").getAttribute("class"), "100none-0 above");
  check("hidden", named("db").style.display, "none");
  check("details", details(), "web  \u00b7  30,000 cycles, 75.00%");
  press("Backspace");
  check("back", width(named("web")), 75);
  press("ArrowUp");
  check("callee", details().startsWith("main"), true);
  press("ArrowDown");
  press("ArrowDown");
  press("ArrowUp");
  press("ArrowRight");
  check("beside", details().startsWith("db"), true);
  press("Enter");
  check("by key", width(named("db")), 100);
  press("Escape");
  check("out", width(named("db")), 25);

  press("/");
  const field = picture.querySelector("input");
  const type = (text) => { field.value = text; field.dispatchEvent(new Event("input")); };
  type("^(parse|malloc|[kv]fs_.*)$");
  const matched = Array.from(picture.querySelectorAll("text")).find((text) => text.getAttribute("aria-live") && text.id !== "details");
  check("matched", matched.textContent, "matched 52.50% in 6 frames");
  check("marked", picture.querySelectorAll("#frames .hit").length, 6);
  type("(");
  check("bad pattern", matched.textContent.startsWith("no such pattern"), true);
  field.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
  check("closed", matched.textContent + picture.querySelectorAll("#frames .hit").length, "0");

  const y = (frame) => Number(frame.querySelector("rect").getAttribute("y"));
  check("flame", y(named("all")) > y(named("web")), true);
  press("i");
  check("icicle", y(named("all")) < y(named("web")), true);
  picture.replaceChildren(document.createTextNode("RESULT " + (said.length === 0 ? "good" : said.join("; ")) + " END"));
})();
