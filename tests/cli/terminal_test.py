#!/usr/bin/python3
"""What results look like on a terminal: colours, lines that fit; and that files and pipes get them plain and whole."""
import json
import os
import re
import sys
import unicodedata

from program import Suite, on_terminal, problems_of, run

ROOT = os.environ.get("OC_SOURCE_ROOT", os.path.join(os.path.dirname(__file__), "../.."))
STACKS = os.path.join(ROOT, "tests", "fixtures", "stacks.data")
COLOUR = re.compile(r"\033\[[0-9;]*m")
TERM = {"TERM": "xterm", "NO_COLOR": ""}
REPORT = ["report", STACKS, "-e", "page-faults", "-q"]
# Of the aggregates: a name of 60 letters, one of 40 wide characters, one with what a terminal would obey.
NAMES = 'local c = oc.counter("name") for i = 1, 3 do c:count(("ab"):rep(30)) end ' \
        'c:count(("日本"):rep(20)) c:count("\\27[2J") c:print { percent = true }'


def cells(line):
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in line)


def too_wide(text, columns):
    return [f"{cells(line)} cells: {line}" for line in COLOUR.sub("", text).split("\n") if cells(line) > columns]


def fits(suite):
    plain = run(REPORT)
    suite.check("a pipe gets no colour and long lines",
                problems_of(plain, 0, r"ld-linux-x86-64\.so\.2$", None)
                + (["colour"] if COLOUR.search(plain.out) else [])
                + ([] if too_wide(plain.out, 60) else ["nothing would have been shortened"]), plain)
    shown = on_terminal(REPORT, columns=60, env=TERM)
    problems = problems_of(shown, 0, "…") + too_wide(shown.out, 60)
    if len(shown.out.split("\n")) != len(plain.out.split("\n")):
        problems.append("other lines")
    suite.check("lines fit the terminal", problems, shown)
    rows = [line.split() for line in plain.out.split("\n") if line]
    wide = on_terminal(REPORT, columns=300, env=TERM)
    told = [line.split() for line in COLOUR.sub("", wide.out).split("\n") if line]
    suite.check("a wide terminal shows the same as a pipe", [] if told == rows else ["it does not"], wide)
    unknown = on_terminal(REPORT, env={**TERM, "COLUMNS": "70"})
    suite.check("COLUMNS counts where the terminal tells no width",
                problems_of(unknown, 0, "…") + too_wide(unknown.out, 70)
                + ([] if too_wide(unknown.out, 60) else ["narrower than need be"]), unknown)
    for more in ["--tree"], ["--by", "comm,symbol,module"], ["--callers", "_int_malloc"]:
        shown = on_terminal([*REPORT, *more], columns=60, env=TERM)
        # What is deeper than the terminal is wide keeps its place in the tree.
        long = [line for line in too_wide(shown.out, 60) if not re.search(r"\d {40}|shares below", line)]
        suite.check(f"lines of {' '.join(more)} fit", problems_of(shown, 0, "") + long, shown)
    piped = on_terminal(REPORT, columns=60, stdout_too=False, env=TERM)
    suite.check("a pipe is a pipe, wherever stderr goes", [] if piped.err == plain.out else ["it differs"], piped)


def colours(suite):
    hot, bold = "\033[1;31m 8.26\033[0m", "\033[1mself%\033[0m"
    shown = on_terminal(REPORT, columns=100, env=TERM)
    suite.check("hot rows have a colour", [] if hot.replace(" ", "") in shown.out.replace(" ", "") and bold in shown.out
                else [repr(shown.out[:300])], shown)
    cases = {
        "NO_COLOR": (REPORT, {**TERM, "NO_COLOR": "1"}, False),
        "TERM=dumb": (REPORT, {**TERM, "TERM": "dumb"}, False),
        "--color never": ([*REPORT, "--color", "never"], TERM, False),
        "--color always beats NO_COLOR": ([*REPORT, "--color", "always"], {**TERM, "NO_COLOR": "1"}, True),
        "--json": ([*REPORT, "--json"], TERM, False),
        "OC_COLOR=never": (REPORT, {**TERM, "OC_COLOR": "never"}, False),
    }
    for name, (args, env, wants) in cases.items():
        shown = on_terminal(args, columns=100, env=env)
        suite.check(name, problems_of(shown, 0, "") + ([] if bool(COLOUR.search(shown.out)) == wants
                                                       else [repr(shown.out[:300])]), shown)
    forced = run([*REPORT, "--colour", "always"])
    plain = run(REPORT)
    suite.check("--color always colours a pipe, and shortens nothing",
                [] if COLOUR.search(forced.out) and COLOUR.sub("", forced.out) == plain.out else ["it does not"], forced)
    wrong = run([*REPORT, "--color", "sometimes"])
    suite.check("a word that --color does not know", problems_of(wrong, 2, None, "none of: auto, always, never"), wrong)


def aggregates(suite):
    shown = on_terminal(["eval", NAMES], columns=50, env=TERM)
    problems = problems_of(shown, 0, "…") + too_wide(shown.out, 50)
    if "\033[2J" in shown.out or "\\x1b[2J" not in shown.out:
        problems.append("the terminal would obey a name")
    if "\033[1;31m" not in shown.out:
        problems.append("no colour")
    suite.check("tables of aggregates fit, in cells", problems, shown)
    ended = run(["eval", NAMES, "--json"])
    suite.check("JSON is whole", [] if json.loads(ended.out)["rows"][0]["name"] == "ab" * 30 else ["it is not"], ended)


def main():
    suite = Suite("terminal")
    for case in fits, colours, aggregates:
        suite.later(case, suite)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
