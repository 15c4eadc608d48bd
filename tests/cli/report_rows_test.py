"""Which rows `oc report` shows, in which order, and what it says of those that it does not show."""
import json
import os
import re
import sys

from program import Suite, problems_of, run

ROOT = os.environ.get("OC_SOURCE_ROOT", os.path.join(os.path.dirname(__file__), "../.."))
STACKS = os.path.join(ROOT, "tests", "fixtures", "stacks.data")
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


def main():
    suite = Suite("report_rows")
    for case in (functions, groups):
        suite.later(case, suite)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
