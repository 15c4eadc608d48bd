"""What files of --script declare: hooks that change options, scenarios. Mistakes have their line, and end with an error."""
import json
import os
import sys
import tempfile

from program import Suite, problems_of, run

ROOT = os.environ.get("OC_SOURCE_ROOT", os.path.join(os.path.dirname(__file__), "../.."))
FIXTURES = os.path.join(ROOT, "tests", "fixtures")
STACKS, SCHED = os.path.join(FIXTURES, "stacks.data"), os.path.join(FIXTURES, "sched.data")


def script_of(folder, name, text):
    path = os.path.join(folder, name + ".lua")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def settings(suite, folder):
    """An option that a hook sets is as if it had been typed."""
    plain = ["report", STACKS, "-e", "page-faults", "-q"]
    for i, (code, typed) in enumerate((('o.by = {"comm", "symbol"}', ["--by", "comm,symbol"]), ('o.by = "comm"', ["--by", "comm"]),
                                       ('o.comm = "sort"', ["--comm", "sort"]), ('o.comm = {"sort", "sh"}', ["--comm", "sort,sh"]),
                                       ("o.top, o.min = 3, '1%'", ["--top", "3", "--min", "1%"]), ("o.min = 2", ["--min", "2"]),
                                       ("o.tree, o.depth = true, 2", ["--tree", "--depth", "2"]),
                                       ('o.sort = "total"', ["--sort", "total"]), ('o.pid = 17531', ["-p", "17531"]),
                                       ('o.time = "0s,5ms"', ["--time", "0s,5ms"]), ('o.time = {"0s", 5e6}', ["--time", "0s,5ms"]))):
        script = script_of(folder, f"set{i}", f'require("oc").hooks {{ settings = function(o) {code} end }}\n')
        hooked, wanted = run([*plain, "--script", script]), run([*plain, *typed])
        suite.check(f"a hook sets {code}", problems_of(hooked, 0, "page-faults: ", wanted.err and "" or None)
                    + ([] if hooked.out == wanted.out else [f"not as {typed}"]), hooked)
    for i, (code, said) in enumerate((("o.comm = true", "set comm, which wants a text, or a list of texts"),
                                      ("o.by = {comm = true}", "set by, which wants a text, or a list of texts"),
                                      ('o.top = "many"', "set top, which wants a number.*many"), ("o.min = 150", "set min, .*from 0 to 100"),
                                      ('o.tree = "yes"', "set tree, which wants true or false"),
                                      ('o.time = "soon"', "set time, .*'soon' is not a stretch"),
                                      ('o.sort = "name"', "set sort, .*none of: self, total"),
                                      ("o.top_rows = 3", "set 'top_rows', which is no option of oc report"),
                                      ('o.comms = "sh"', "'comms'.*did you mean 'comm'"))):
        script = script_of(folder, f"wrong{i}", f'\nrequire("oc").hooks {{ settings = function(o) {code} end }}\n')
        ended = run([*plain, "--script", script])
        suite.check(f"a hook cannot set {code}", problems_of(ended, 1, None, rf"wrong{i}\.lua:2: .*{said}"), ended)


SWITCH = '"sched:sched_switch"'


def scenarios(suite, folder):
    """What a scenario of one's own cannot be is told where it was declared, and the run fails."""
    for i, (code, said) in enumerate((
            (f'events = {{ {SWITCH} }}, span = {{ from = {SWITCH}, to = {SWITCH}, key = {{ "nokey" }} }}',
             "scenario 'x': key: event 'sched:sched_switch' has no field 'nokey'"),
            (f'events = {{ {SWITCH} }}, span = {{ from = {SWITCH}, to = {SWITCH}, key = {{ "prev_pdi" }} }}',
             "no field 'prev_pdi'\n.*did you mean 'prev_pid'"),
            (f'events = {{ {SWITCH} }}, span = {{ from = {SWITCH}, to = {SWITCH}, middle = {{ {{ key = {{ "tid" }} }} }} }}',
             r"span.middle\[1\] wants an event"),
            (f'events = {{ {SWITCH} }}, span = {{ from = {SWITCH}, to = {SWITCH}, middle = {{ {{ event = {SWITCH}, kay = 1 }} }} }}',
             r"span.middle\[1\] has no 'kay'"))):
        script = script_of(folder, f"own{i}", f'\nrequire("oc").scenario {{ name = "x", {code} }}\n')
        ended = run(["report", SCHED, "--script", script, "--scenario", "x"])
        suite.check(f"scenario {i}: {said}", problems_of(ended, 1, None, rf"own{i}\.lua:2: .*{said}"), ended)
    one, two = (script_of(folder, name, f'require("oc").scenario {{ name = "mine", events = {{ {SWITCH} }} }}\n')
                for name in ("one", "two"))
    ended = run(["report", SCHED, "--script", one, "--script", two, "--scenario", "mine"])
    suite.check("two of one name", problems_of(ended, 1, None, r"two\.lua:1: there is a scenario 'mine' already: .*one\.lua:1"), ended)
    ended = run(["report", SCHED, "--script", one, "--script", one, "--scenario", "mine", "-q"])
    suite.check("the same file twice", problems_of(ended, 0, r"^sched:sched_switch: \d+ samples", ""), ended)
    script = script_of(folder, "cpu", f'require("oc").scenario {{ name = "cpu", events = {{ {SWITCH} }} }}\n')
    ended = run(["report", SCHED, "--script", script, "--scenario", "cpu"])
    suite.check("a built-in name", problems_of(ended, 1, None, r"cpu\.lua:1: there is a scenario 'cpu' already: it is built in"), ended)
    script = script_of(folder, "fails", f'require("oc").scenario {{ name = "x", events = {{ {SWITCH} }}, span = {{\n'
                       f'  from = {{ event = {SWITCH}, name = function(e) return e.nofield end }}, to = {SWITCH} }} }}\n')
    ended = run(["report", SCHED, "--script", script, "--scenario", "x"])
    suite.check("a callback that fails makes the report fail", problems_of(ended, 1, "no samples", r"fails\.lua:2: .*'nofield'"), ended)


def spans(suite, folder):
    """A span is a sample with the stack of its beginning, and what happened in between."""
    script = script_of(folder, "faults", 'require("oc").scenario { name = "x", events = { "page-faults" },\n'
                       '  span = { from = "page-faults", to = "page-faults" } }\n')
    wanted = run(["report", STACKS, "-e", "page-faults", "--by", "symbol", "--json", "-q"])
    ended = run(["report", STACKS, "--script", script, "--scenario", "x", "--by", "symbol", "--json", "-q"])
    rows = [next(json.loads(line)["rows"] for line in each.out.splitlines() if '"rows"' in line) for each in (wanted, ended)]
    counts = [{row["symbol"]: row["count"] for row in each} for each in rows]
    suite.check("spans have stacks", [] if counts[0] == counts[1] and len(counts[0]) > 40 else [f"{counts[1]}"], ended)
    script = script_of(folder, "middle", f"""require("oc").scenario {{ name = "x", events = {{ {SWITCH} }}, span = {{
      from = {{ event = {SWITCH}, key = {{ "prev_pid" }} }}, to = {{ event = {SWITCH}, key = {{ "next_pid" }} }},
      middle = {{ {{ event = "sched:sched_wakeup", key = {{ "args.pid" }}, name = function(e) return "woken " .. e.args.comm end }} }} }} }}
    require("oc").hooks {{ parsed = function(m)
      for s in m:spans() do if s.parent then print(s.name) end end end }}
    """)
    ended = run(["report", SCHED, "--script", script, "--scenario", "x", "-q"])
    suite.check("a middle with key and name of its own", problems_of(ended, 0, r"^woken \w+$", ""), ended)


def added(suite):
    """What a script adds has to be possible."""
    def adds(code):
        return run(["eval", "-q", "-i", SCHED, f"local m = machine\n{code}"])
    first = 'm:add_sample{kind="size", type="bytes", value=8} '
    for code, said in ((first + 'm:add_sample{kind="size", type="count"}', "the values of 'size' are of type bytes, not count"),
                       ('m:add_sample{kind="sched:sched_switch", type="duration"}', "'sched:sched_switch' are of type count, not duration"),
                       ('m:add_sample{kind="mine", value=-1}', "-1 is no value of 'mine', whose type is count"),
                       (first + 'm:add_sample{kind="size", value=-8}', "-8 is no value of 'size', whose type is bytes"),
                       ('m:add_sample{kind="mine", value=0/0}', "nan is no value of 'mine'"),
                       ('m:add_span{start=5, finish=4}', "add_span: it ends at 4 ns, before it begins at 5 ns"),
                       ('m:add_sample{kind="mine", type="text"}', "'text' is no type of values")):
        ended = adds(code)
        suite.check(f"refused: {code}", problems_of(ended, 1, None, r"eval:2: .*" + said), ended)
    ended = adds(first + 'm:add_sample{kind="size", value=2} m:add_sample{kind="change", type="number", value=-3} '
                 'print(m:samples{kind="size"}:top(1).totals.sum, m:samples{kind="change"}:top(1).totals.sum)')
    suite.check("a type need not be said again", problems_of(ended, 0, r"^10\t-3$", ""), ended)
    ended = adds("""local row = m:samples{}:by("thread"):rows()[1]
      local comm, tid = row[1]:match("^(.-) %((%d+)%)$")
      m:add_sample{kind="mine", time=1e18, tid=tonumber(tid), pid=-1}
      m:add_sample{kind="mine", time=1e18, tid=tonumber(tid), pid=-1, comm="other"}
      for _, at in ipairs(m:samples{kind="mine"}:by("comm"):rows()) do print(at[1] == comm or at[1]) end""")
    suite.check("a known thread has its name", problems_of(ended, 0, r"\A(true\nother|other\ntrue)\n\Z", ""), ended)


def main():
    suite = Suite("hooks")
    with tempfile.TemporaryDirectory() as folder:
        for case in (settings, scenarios, spans):
            suite.later(case, suite, folder)
        suite.later(added, suite)
        suite.wait()
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
