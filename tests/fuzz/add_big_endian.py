"""Runs make_perf_data_seeds, then turns some of its seeds to big-endian: add_big_endian.py PROGRAM FOLDER"""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "verify"))
sys.dont_write_bytecode = True
import big_endian  # noqa: E402

program, folder = sys.argv[1:]
subprocess.run([program, folder], check=True)
for name in ("plain", "tracepoints", "every_field"):
    big_endian.convert(os.path.join(folder, name), os.path.join(folder, "big_" + name))
