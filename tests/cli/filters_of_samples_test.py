"""What `samples { … }` takes, and what it refuses: an argument that can choose nothing is told, with its line."""
import os
import re
import sys

from program import Suite, problems_of, run

ROOT = os.environ.get("OC_SOURCE_ROOT", os.path.join(os.path.dirname(__file__), "../.."))
DEMO = os.path.join(ROOT, "examples", "traces", "demo.data")
STRETCHES = ("0.1s,0.3s", "-50ms,", ",200ms", "10%,30%")


def times(suite):
    """A stretch of time is the same for the trace that is read, and for questions to all of it."""
    for stretch in STRETCHES:
        read = run(["eval", "-i", DEMO, "-q", f'print(oc.open{{machine=true, time="{stretch}"}}:run():machine():samples():total())'])
        asked = run(["eval", "-i", DEMO, "-q", f'print(samples{{time="{stretch}"}}:total())'])
        count = int(asked.out) if re.fullmatch(r"\d+\n", asked.out) else 0
        suite.check(f"time={stretch}", [] if 0 < count < 2537 and asked.out == read.out
                    else [f"{asked.out!r}, of the trace {read.out!r}"], asked)
    ended = run(["eval", "-i", DEMO, "-q", 'print(samples{time={"100ms","300ms"}}:total())'])
    suite.check("a table of two is the same", problems_of(ended, 0, r"\A294\n\Z", None), ended)


def refusals(suite):
    for given, said in (('time="nonsense"', "samples: time: 'nonsense' is not a stretch of time"),
                        ('time="3s,1s"', "'3s,1s' ends before it begins"),
                        ('time="1.5,3.5"', "'1.5,3.5': a number without unit is of the trace's clock"),
                        ('time={"3s","1s"}', "samples: time ends before it begins"),
                        ('time={"soon"}', "'soon' is no time"),
                        ("time=5", "samples: time wants two times, not a number"),
                        ("comm=5", "samples: comm wants a text, not a number"),
                        ("comm=function() end", "comm wants a text, not a function.*where = function"),
                        ('comm={"sh", true}', "comm wants a text, not a boolean"),
                        ("comm={}", "the list of comm has nothing in it"),
                        ("pid=true", "pid wants a number, not a boolean"),
                        ('where="x"', "samples: where wants a function of a sample, not a string")):
        for call in ("samples", "graph"):
            ended = run(["eval", "-i", DEMO, "-q", f"print(1)\n{call}{{{given}}}"])
            suite.check(f"{call}{{{given}}}", problems_of(ended, 1, r"\A(1\n)?\Z", r"eval:2: .*" + said), ended)
    ended = run(["eval", "-i", DEMO, "-q", 'print(samples{pid="12"}:total() == samples{pid=12}:total(), samples{cpu={0,1}}:total())'])
    suite.check("numbers may be texts", problems_of(ended, 0, r"^true\t\d+", None), ended)


def main():
    suite = Suite("filters_of_samples")
    for case in (times, refusals):
        suite.later(case, suite)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
