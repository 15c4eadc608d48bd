"""What files of --script declare: hooks that change options, scenarios. Mistakes have their line, and end with an error."""
import os
import re
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


def main():
    suite = Suite("hooks")
    with tempfile.TemporaryDirectory() as folder:
        for case in (settings,):
            suite.later(case, suite, folder)
        suite.wait()
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
