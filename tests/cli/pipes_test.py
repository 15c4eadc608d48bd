"""Traces that come through pipes: what `-i -`, a FIFO and a file tell is the same; a live one ends by Ctrl-C."""
import os
import signal
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "verify"))
import big_endian  # noqa: E402  takes files apart

from program import OC, Suite, finish, patience, problems_of, run, start

ROOT = os.environ.get("OC_SOURCE_ROOT") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EVERYTHING = os.path.join(ROOT, "tests", "verify", "everything.lua")
FIXTURES = [os.path.join(ROOT, "tests", "fixtures", name) for name in
            ("sched.data", "syscalls.data", "group.data", "switch.data", "nocpu.data")]
TICKS = """local oc = require 'oc'
local trace = oc.open {}
local n = 0
trace:on('*', function(e) n = n + 1 end)
trace:every('1ms', function() print('tick') io.stdout:flush() end)
trace:at_end(function() print('seen', n) end)
trace:run()
"""


def record(kind, body):
    return struct.pack("<IHH", kind, 0, 8 + len(body)) + body


def piped(path):
    """The same recording in pipe mode: events, features and tracing data as records."""
    attrs, records, features = big_endian.read(path)
    out = b"PERFILE2" + struct.pack("<Q", 16)
    for attr in attrs:
        raw = bytearray(attr.raw)
        struct.pack_into("<I", raw, 4, len(raw))
        out += record(64, bytes(raw) + struct.pack(f"<{len(attr.ids)}Q", *attr.ids))
    for number, data in features.items():
        if number == 1:
            data += bytes(-len(data) % 8)
            out += record(66, struct.pack("<II", len(data), 0)) + bytes(data)
        elif number != 2:
            out += record(80, struct.pack("<Q", number) + bytes(data) + bytes(-len(data) % 8))
    return out + b"".join(bytes(r) for r in records)


def same_everywhere(suite, folder, path):
    name = os.path.basename(path)
    expected = run(["script", "-i", path, EVERYTHING])
    builds = [line for line in expected.out.splitlines() if line.startswith("build ")]
    text = "\n".join(line for line in expected.out.splitlines() if line not in builds)
    stream = os.path.join(folder, name)
    with open(stream, "wb") as file:
        file.write(piped(path))
    fifo = stream + ".fifo"
    os.mkfifo(fifo)
    ways = {
        "a file in pipe mode": run(["script", "-i", stream, EVERYTHING]),
        "standard input from it": finish(start(["script", "-i", "-", EVERYTHING], stdin=open(stream, "rb"))),
        "a pipe": run(["-c", f'cat {stream} | "$0" script -i - {EVERYTHING}', OC], program="/bin/sh"),
        "a slow pipe": run(["-c", f'(head -c 5000 {stream}; sleep 0.3; tail -c +5001 {stream}) | '
                                  f'"$0" script -i - {EVERYTHING}', OC], program="/bin/sh"),
        "a FIFO": run(["-c", f'cat {stream} > {fifo} & "$0" script -i {fifo} {EVERYTHING}; wait', OC],
                      program="/bin/sh"),
        "file mode through a pipe": run(["-c", f'cat {path} | "$0" script -i - {EVERYTHING}', OC],
                                        program="/bin/sh"),
    }
    os.unlink(fifo)
    for how, ended in ways.items():
        got = "\n".join(line for line in ended.out.splitlines() if not line.startswith("build "))
        problems = [] if ended.status == 0 else [f"status {ended.status}"]
        if got != text or len(text) < 1000:
            problems.append("not what the file in file mode tells")
        suite.check(f"{name}: {how} tells the same", problems, ended)


def live_pipe(suite):
    """A writer that goes on: events and timers are handled while it does; Ctrl-C ends with results."""
    stream = piped(FIXTURES[0])
    read_end, write_end = os.pipe()
    job = start(["eval", TICKS, "-i", "-"], stdin=read_end)
    os.close(read_end)
    os.write(write_end, stream[:60000])
    first = job.stdout.readline()  # a timer fired, so events were handled
    began = time.monotonic()
    job.send_signal(signal.SIGINT)
    ended = finish(job)
    problems = problems_of(ended, 0, r"^seen\t[1-9]\d*$", r"stopped by a signal|\A\Z")
    if "tick" not in first:
        problems.append(f"no tick while the writer goes on, but {first!r}")
    if time.monotonic() - began > 3 * patience():
        problems.append("it took long to end")
    os.close(write_end)
    suite.check("a pipe that goes on: timers fire, Ctrl-C ends it with results", problems, ended)


def odd_ones(suite, folder):
    stream = piped(FIXTURES[0])
    cut = os.path.join(folder, "cut")
    with open(cut, "wb") as file:
        file.write(stream[:len(stream) - 5])
    command = f'cat {cut} | "$0" eval "oc.open{{}}:run()" -i -'
    suite.check("a stream that is cut off is said",
                problems_of(run(["-c", command, OC], program="/bin/sh"), 0, None, r"ends inside a record at offset 0x"))
    suite.check("a stream that is cut off is an error with --strict",
                problems_of(run(["-c", command + " --strict", OC], program="/bin/sh"), 3, None, r"offset 0x"))
    suite.check("an empty pipe", problems_of(
        run(["-c", ': | "$0" eval "oc.open{}:run()" -i -', OC], program="/bin/sh"), 1, None, r"standard input is empty"))
    suite.check("a pipe of something else", problems_of(
        run(["-c", 'seq 9999 | "$0" eval "oc.open{}:run()" -i -', OC], program="/bin/sh"), 1, None,
        r"standard input is not a perf.data file"))
    suite.check("standard input is one thing only", problems_of(
        run(["script", "-", "-i", "-"], stdin=""), 2, None, r"cannot be both the script and the trace"))


def recorded_now(suite):
    probe = subprocess.run(["sh", "-c", "perf record -q -e task-clock -o - true 2>/dev/null | head -c 16"],
                           capture_output=True, check=False)
    if not probe.stdout.startswith(b"PERFILE2"):
        suite.skip("perf record -o - into oc", "perf cannot record into a pipe here")
        return
    for options in ("", "-z "):
        command = (f'perf record -q {options}-e task-clock -c 100000 -o - -- sh -c "seq 300000 >/dev/null" 2>/dev/null'
                   ' | "$0" script -i - cpu_top')
        ended = run(["-c", command, OC], program="/bin/sh")
        suite.check(f"perf record {options}-o - into oc", problems_of(ended, 0, r"\bseq\b"), ended)


def main():
    suite = Suite("pipes")
    with tempfile.TemporaryDirectory() as folder:
        for path in FIXTURES:
            suite.later(same_everywhere, suite, folder, path)
        suite.later(odd_ones, suite, folder)
        suite.later(live_pipe, suite)
        suite.later(recorded_now, suite)
        suite.wait()
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
