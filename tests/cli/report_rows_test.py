"""Which rows `oc report` shows, in which order, and what it says of those that it does not show."""
import json
import os
import re
import sys
import tempfile

from program import Suite, problems_of, run

ROOT = os.environ.get("OC_SOURCE_ROOT", os.path.join(os.path.dirname(__file__), "../.."))
FIXTURES = os.path.join(ROOT, "tests", "fixtures")
STACKS = os.path.join(FIXTURES, "stacks.data")
FAULTS = ["report", STACKS, "-e", "page-faults", "-q"]
ROW = re.compile(r"^ *([\d.]+) +([\d.]+) +(\d+)  (\S+)", re.M)


def document(ended):
    return json.loads(next(line for line in ended.out.splitlines() if '"kind"' in line))


def functions(suite):
    whole = document(run([*FAULTS, "--json"]))
    count = len(whole["functions"])
    suite.check("JSON has all functions", [] if count > 40 and "more" not in whole else [f"{count} functions"])
    ended = run([*FAULTS, "--json", "--top", "5"])
    some = document(ended)
    suite.check("JSON says how many more there are than --top", [] if len(some["functions"]) == 5
                and some["more"] == count - 5 else [f"{some.get('more')} more, {count} in all"], ended)
    ended = run(FAULTS)
    suite.check("a table says how many more there are", problems_of(ended, 0, rf"^… {count - 40} more; --sort total", None)
                + ([] if len(ROW.findall(ended.out)) == 40 else ["not 40 rows"]), ended)
    ended = run([*FAULTS, "--top", "1000000"])
    suite.check("and nothing where there are no more", problems_of(ended, 0, "self%", None)
                + (["more"] if "…" in ended.out else []), ended)
    by_total = document(run([*FAULTS, "--json", "--sort", "total"]))["functions"]
    totals = [at["total"] for at in by_total]
    suite.check("--sort total", [] if totals == sorted(totals, reverse=True) and by_total != whole["functions"]
                and sorted(map(str, by_total)) == sorted(map(str, whole["functions"])) else [f"{totals[:5]}"])
    ended = run([*FAULTS, "--sort", "total", "--top", "3"])
    suite.check("the callers come first in the table, too",
                problems_of(ended, 0, rf"\A[^\n]*\n[^\n]*\n *1\.03 +33\.06 +5  _start .*^… {count - 3} more$", None), ended)
    ended = run([*FAULTS, "--sort", "total", "--min", "10%"])
    shown = [float(row[1]) for row in ROW.findall(ended.out)]
    wanted = sum(total >= 48.4 for total in totals)
    suite.check("--min is of what is sorted by", [] if len(shown) == wanted and min(shown) >= 10 else [f"{shown}"], ended)
    ended = run(["eval", "-i", STACKS, "-q", 'local g, n = graph{kind="page-faults"}, 0 '
                 'for _, f in ipairs(g:functions(4, "total")) do print(f.total) end print(#g:functions(), #g:functions(7))'])
    suite.check("functions of a graph by total", problems_of(
        ended, 0, "\\A" + "".join(f"{total:.0f}\n" for total in totals[:4]) + rf"{count}\t7\n\Z", None), ended)
    ended = run(["eval", "-i", STACKS, "-q", 'graph():functions(4, "most")'])
    suite.check("another order", problems_of(ended, 1, None, "'self' or 'total', not 'most'"), ended)


def groups(suite):
    whole = document(run([*FAULTS, "--json", "--by", "symbol"]))
    count = len(whole["rows"])
    suite.check("JSON has all groups", [] if count > 40 and "more" not in whole else [f"{count} groups"])
    some = document(run([*FAULTS, "--json", "--by", "symbol", "--top", "7"]))
    suite.check("or says how many more", [] if some["rows"] == whole["rows"][:7] and some["more"] == count - 7 else [f"{some}"])


def least(suite):
    """--min is of all that is shown."""
    rows = document(run([*FAULTS, "--json", "--by", "symbol"]))["rows"]
    total = sum(row["sum"] for row in rows)
    large = [row for row in rows if row["sum"] >= total * 2 / 100]
    ended = run([*FAULTS, "--json", "--by", "symbol", "--min", "2%"])
    suite.check("--min of groups, as JSON", [] if 3 < len(large) < 40 and document(ended)["rows"] == large
                and "more" not in document(ended) else [f"{len(large)} have 2 %"], ended)
    ended = run([*FAULTS, "--by", "symbol", "--min", "2"])
    shares = [float(share) for share in re.findall(r"^ *([\d.]+) +\d+ +\d+ ", ended.out, re.M)]
    suite.check("--min of groups", problems_of(ended, 0, rf"^… {len(rows) - len(large)} below 2%$", None)
                + ([] if len(shares) == len(large) and min(shares) >= 2 else [f"{shares}"]), ended)
    ended = run([*FAULTS, "--by", "symbol", "--min", "2", "--top", "3"])
    suite.check("--top cuts first", problems_of(ended, 0, rf"^… {len(rows) - 3} more\n\Z", None), ended)
    graph = 'graph{kind="page-faults", comm="sh"}:print{min=%s}'
    texts = [run(["eval", "-q", "-i", STACKS, graph % least]).out for least in ('"20%"', "20", "0.9")]
    suite.check("the min of a graph is in percent, as on the command line",
                [] if texts[0] == texts[1] and 3 < len(texts[0].splitlines()) < len(texts[2].splitlines())
                else [f"{[len(text.splitlines()) for text in texts]} lines"])
    for value, said in (("101", "'101' is no percentage"), ('"much"', "'much' is no percentage"), ("{}", "min wants a string or number")):
        ended = run(["eval", "-q", "-i", STACKS, graph % value])
        suite.check(f"no min of a graph: {value}", problems_of(ended, 1, None, said), ended)
    ended = run(["eval", "-q", "-i", STACKS, 'graph{kind="page-faults"}:print{depth="2"}'])
    suite.check("no depth of a graph", problems_of(ended, 1, None, "depth wants a number, not a string"), ended)
    ended = run(["eval", "-q", "-i", STACKS, 'samples{kind="page-faults"}:by("symbol"):top(99, {min="2%"}):print()'])
    suite.check("min of a question", problems_of(ended, 0, rf"^… {len(rows) - len(large)} below 2%$", None), ended)


def together(suite):
    """What makes no sense together is told, and what makes sense works."""
    for more, said in ((["--callers", "a", "--callees", "b"], "--callers and --callees exclude each other"),
                       (["--callers", "*", "--by", "cpu"], "a tree cannot be grouped by 'cpu'"),
                       (["--tree", "--by", "comm,symbol"], "a tree cannot be grouped by 'symbol'"),
                       (["--depth", "2"], "--depth is of trees"),
                       (["--by", "comm", "--depth", "2"], "--depth is of trees"),
                       (["--by", "comm", "--sort", "total"], "--sort is of functions"),
                       (["--tree", "--sort", "total"], "--sort is of tables"),
                       (["--callers", "*", "--top", "3"], "--top is of tables")):
        ended = run([*FAULTS, *more])
        suite.check("not together: " + " ".join(more), problems_of(ended, 2, None, re.escape(said)), ended)
    for way in ("--callers", "--callees"):
        ended = run([*FAULTS, way, "_int_malloc", "--by", "comm,process", "--min", "20%"])
        suite.check(f"{way} by comm and process", problems_of(
            ended, 0, r"^47\.62% +sh\n.*^23\.81% +sort\n23\.81% +sort \(\d+\)\n23\.81% .* _int_malloc$", None), ended)
    ended = run([*FAULTS, "--by", "comm"], env={"OC_DEPTH": "3", "OC_TREE": "yes", "OC_SORT": "total"})
    suite.check("settings that do not fit are no mistake", problems_of(ended, 0, r"%  count  sum  comm", None), ended)


def names_of_groups(suite):
    """A name that is none is told before anything is read, and pid and tid are names."""
    for verb in (["report", "/nowhere.data"], ["diff", "/nowhere.data", "/nowhere.data"]):
        for by, said in (("comm,simbol", "cannot be grouped by 'simbol'\n.*did you mean 'symbol'"),
                         ("time", "'time' is no stretch of time"), (",", "--by wants names of groups")):
            ended = run([*verb, "--by", by])
            suite.check(f"{verb[0]} --by {by}: before the trace is opened", problems_of(ended, 2, None, said), ended)
    ended = run(["eval", "-q", "-i", STACKS, 'local q = samples()\nq:by("simbol")'])
    suite.check("by of a question, with its line", problems_of(ended, 1, None, "eval:2: .*'simbol'"), ended)
    tables = [run([*FAULTS, "--by", by]).out for by in ("pid,tid", "process,thread")]
    suite.check("--by pid,tid", [] if tables[0] == tables[1] and " (17531)" in tables[0] else tables)


def nothing_left(suite, folder):
    """Why no sample is left."""
    sched = os.path.join(FIXTURES, "sched.data")
    clock, none = os.path.join(FIXTURES, "clock.data"), os.path.join(FIXTURES, "nocpu.data")
    for path, more, said in ((clock, ["--filter", "period>5s"], "none of the 48 samples passes --filter"),
                             (none, ["-C", "0"], "the samples of .*nocpu.data do not tell their CPU"),
                             (sched, ["-C", "60000"], r"none of the \d+ samples passes the filters")):
        ended = run(["report", path, *more])
        suite.check(f"report: {said}", problems_of(ended, 0, r"\Ano samples\n\Z", r"\Aoc: " + said + r"[^\n]*\n\Z"), ended)
        out = os.path.join(folder, "x.folded")
        ended = run(["export", path, *more, "-o", out, "-q"])
        suite.check(f"export: {said}", problems_of(ended, 1, None, "nothing was written: " + said)
                    + (["it was written"] if os.path.exists(out) else []), ended)


def main():
    suite = Suite("report_rows")
    with tempfile.TemporaryDirectory() as folder:
        for case in (functions, groups, least, together, names_of_groups):
            suite.later(case, suite)
        suite.later(nothing_left, suite, folder)
        suite.wait()
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
