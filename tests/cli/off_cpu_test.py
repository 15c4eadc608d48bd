"""off_cpu on a hand-made trace: whose wait is whose, where ids of threads are used again and records are lost."""
import json
import sys
import tempfile

import perf_data
from program import run


def ms(count):
    return perf_data.START_NS + count * 1_000_000


def records():
    comm, fork, exit_of, out = perf_data.comm, perf_data.fork, perf_data.exit_of, perf_data.switch_out
    return [
        comm(ms(0), 10, "first"), comm(ms(0), 20, "other"),
        out(ms(1), 10, 20), out(ms(3), 20, 10),                     # 10 waits 2 ms
        exit_of(ms(4), 10), out(ms(5), 10, 20),                     # and ends; 20 waited 2 ms
        fork(ms(50), 20, 10), comm(ms(50), 10, "second"), out(ms(51), 20, 10),  # 20 begins to wait
        out(ms(60), 10, 20), out(ms(65), 20, 10),                   # 20 waited 9 ms, 10 waits 5 ms
        out(ms(70), 10, 20),                                        # 20 waited 5 ms
        perf_data.lost(ms(75), 3), out(ms(80), 20, 10),             # nobody knows what 10 did since 70 ms
        out(ms(81), 10, 20), out(ms(82), 20, 10),                   # 20 waited 1 ms, 10 1 ms
    ]


def main():
    problems = []
    with tempfile.NamedTemporaryFile(suffix=".data") as file:
        file.write(perf_data.file_of(records(), has_switches=True))
        file.flush()
        ended = run(["script", "off_cpu", "-i", file.name, "--json"])
        rows = json.loads(ended.out.splitlines()[0])["rows"] if ended.status == 0 else []
        waits = {row["comm"]: (row["count"], row["sum"] / 1e6) for row in rows}
        expected = {"first": (1, 2.0), "second": (2, 6.0), "other": (4, 17.0)}
        if waits != expected:
            problems.append(f"waits {waits}, expected {expected}: {ended.err}")
        if any("stack" in row for row in rows):
            problems.append(f"rows with a column of stacks that nobody recorded: {rows}")
        if "SWITCH records have no stacks" not in ended.err:
            problems.append(f"nothing is said of stacks: {ended.err}")
        folded = run(["script", "off_cpu", "-i", file.name, "--folded", "--by", "tid"]).out.splitlines()
        if folded != ["other/20 17000", "second/10 6000", "first/10 2000"]:
            problems.append(f"folded by thread: {folded}")
        # Whose waits are asked for; what the others do tells when they end.
        for options, wanted in ((["--comm", "other"], {"other": (4, 17.0)}), (["-p", "10"], {"first": (1, 2.0), "second": (2, 6.0)}),
                                (["-t", "10", "--by", "comm"], {"first": (1, 2.0), "second": (2, 6.0)})):
            ended = run(["script", "off_cpu", "-i", file.name, "--json", *options])
            rows = json.loads(ended.out.splitlines()[0]).get("rows", []) if ended.status == 0 else []
            waits = {row["comm"]: (row["count"], row["sum"] / 1e6) for row in rows}
            if waits != wanted:
                problems.append(f"{options}: waits {waits}, expected {wanted}: {ended.err}")
    for problem in problems:
        print(problem)
    print(f"{7 - len(problems)} of 7 checks hold")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
