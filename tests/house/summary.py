#!/usr/bin/python3
"""Prints why tests were skipped and, at the very end, `N passed, N failed, N skipped`.

Reads meson's testlog.json: one JSON object a line, one line a test.
"""
import json
import sys

PASSED = {"OK", "EXPECTEDFAIL"}
SKIPPED = {"SKIP"}


def last_line(test):
    text = (test.get("stdout") or "") + (test.get("stderr") or "")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"


def main(path):
    try:
        with open(path, encoding="utf-8") as log:
            tests = [json.loads(line) for line in log if line.strip()]
    except OSError as error:
        print(f"no test ran: {error}")
        tests = []
    passed = [t for t in tests if t["result"] in PASSED]
    skipped = [t for t in tests if t["result"] in SKIPPED]
    failed = [t for t in tests if t["result"] not in PASSED | SKIPPED]
    for test in skipped:
        print(f"skipped {test['name']}: {last_line(test)}")
    for test in failed:
        print(f"failed {test['name']}: {test['result']}")
    print(f"{len(passed)} passed, {len(failed)} failed, {len(skipped)} skipped", flush=True)
    return 0 if tests and not failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
