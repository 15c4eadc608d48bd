#!/usr/bin/python3
"""Recordings of the other byte order: byte_order_test.py

Fixtures and traces of the corpus are turned into what a big-endian machine would have written (big_endian.py).
perf must read the result as it reads the original, which proves the turning; then oc must print the same of
both, event by event and field by field.
"""
import os
import sys
import tempfile

import big_endian
import perf_text

CORPUS = [
    "perfparser/vector_static_gcc/perf.data", "quipper/perf.data.branch_stack_spec",
    "quipper/perf.data.callgraph_and_branch-3.4", "quipper/perf.data.group_desc-4.14",
    "quipper/perf.data.raw-3.4", "quipper/perf.data.weight_struct", "simpleperf/testdata/perf_with_add_counter.data",
    "simpleperf/testdata/perf_with_arm_regs.data",
]


def everything(path):
    script = os.path.join(perf_text.ROOT, "tests", "verify", "everything.lua")
    out, err = perf_text.run(perf_text.OC, "script", "-i", path, script)
    return out.splitlines(), err


def check(path):
    with tempfile.TemporaryDirectory() as folder:
        turned = os.path.join(folder, "turned.data")
        big_endian.convert(path, turned)
        if perf_text.has_perf() and perf_text.perf_samples(path) != perf_text.perf_samples(turned):
            yield "perf reads something else: the turning is wrong"
        whole, _ = everything(path)
        ours, err = everything(turned)
        if len(whole) < 2:
            yield "nothing was compared"
        if len(whole) != len(ours):
            yield f"{len(whole)} lines, turned {len(ours)}: {err}"
        for at, (expected, got) in enumerate(zip(whole, ours)):
            if expected != got:
                yield f"line {at}:\n  {expected[:1500]}\n  {got[:1500]}"
                break


def main():
    paths = perf_text.fixtures() + perf_text.corpus_paths(CORPUS)
    return perf_text.run_checks([(perf_text.label(path), check, path) for path in paths],
                                "recordings turned to big-endian")


if __name__ == "__main__":
    sys.exit(main())
