"""Pauses by SIGUSR1 and --paused, --max-overhead, host facts."""
import concurrent.futures
import json
import os
import platform
import re
import signal
import subprocess
import sys
import time

ROOT = os.environ["OC_SOURCE_ROOT"]
OC = os.path.join(os.environ["OC_BUILD_ROOT"], "oc")
SKIP = 77

# Samples of both clocks are counted by the tenth of a second that they fall into.
COUNT = """
local trace = oc.open {}
local tenths = {}
trace:on("cpu", function(e) local k = math.floor(e.time / 1e8) tenths[k] = (tenths[k] or 0) + 1 end)
trace:every("100ms", function() io.stderr:write("tick\\n") end)
trace:at_end(function() for k = 0, 200 do io.write(tenths[k] or 0, " ") end end)
trace:run()
"""


def fail(text):
    print("FAIL", text)
    sys.exit(1)


def check(condition, text):
    if not condition:
        fail(text)


def run(*words):
    done = subprocess.run([OC, *words], capture_output=True, text=True, timeout=60, cwd=ROOT)
    return done.returncode, done.stdout, done.stderr


def start(*words):
    return subprocess.Popen([OC, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)


def await_line(process, wanted):
    for line in process.stderr:
        if wanted in line:
            return
    fail(f"oc ended without saying {wanted!r}")


def test_signal():
    """Between two SIGUSR1 there are no samples, before and after there are."""
    process = start("eval", COUNT)
    await_line(process, "tick")
    await_line(process, "tick")
    process.send_signal(signal.SIGUSR1)
    await_line(process, "oc: paused")
    time.sleep(1)
    process.send_signal(signal.SIGUSR1)
    await_line(process, "oc: resumed")
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    counts = [int(word) for word in out.split()]
    first = next(i for i, count in enumerate(counts) if count)
    last = max(i for i, count in enumerate(counts) if count)
    longest, length = 0, 0
    for count in counts[first:last]:
        length = length + 1 if count == 0 else 0
        longest = max(longest, length)
    check(longest >= 5, f"the pause shows as {longest} empty tenths of a second: {counts[:60]}")


def test_paused():
    status, out, err = run("eval", "--paused", "-d", "500ms", COUNT)
    check(status == 0 and not any(map(int, out.split())), f"--paused delivered {out} {err}")
    # A command's own events wait too; the recorded trace is skipped.
    status, out, err = run("eval", "--paused", COUNT, "--", "sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done")
    check(status == 0 and not any(map(int, out.split())), f"--paused with a command delivered {out} {err}")


def test_recorded():
    demo = os.path.join(ROOT, "examples", "traces", "demo.data")
    code = """
local trace = oc.open {}
trace:on("cpu", function(e) if e.time < 50e6 then trace:pause() end end)
trace:every("100ms", function() trace:resume() end)
trace:phase "all"
trace:run()
"""
    status, out, err = run("eval", "-i", demo, "--json", code)
    check(status == 0, err)
    summary = json.loads(out.splitlines()[-1])["summary"]
    status, out, err = run("eval", "-i", demo, "--json", 'local t = oc.open {} t:on("cpu", function() end) t:run()')
    whole = json.loads(out.splitlines()[-1])["summary"]
    check(summary["events"] + summary["paused"] == whole["events"], f"{summary} of {whole}")
    check(summary["paused"] > 10, f"nothing fell into the pause: {summary}")
    check(summary["phases"][0]["events"] == summary["events"], f"phases: {summary['phases']}")
    status, out, err = run("eval", "-i", demo, "-v", code)
    check(re.search(r"own CPU time .* % of one CPU, .* % of all", err), err)
    check("phase all:" in err and "fell into pauses" in err, err)


def test_overhead():
    status, _, err = run("eval", "-F", "20000", "--max-overhead", "0.01%", "-d", "2s", COUNT)
    check(status == 0 and re.search(r"sampling was slowed to \S+ % of the asked rate", err), err)
    status, _, err = run("eval", "--max-overhead", "100%", "-d", "1s", COUNT)
    check(status == 0 and "slowed" not in err, err)
    for bad in ("0", "101%", "x"):
        status, _, err = run("eval", "--max-overhead", bad, "1")
        check(status == 2, f"--max-overhead {bad}: {status} {err}")


def test_host():
    status, out, err = run("eval", 'local t = oc.open {} print(t.host.name, t.host.kernel, t.host.arch, t.host.cpus_online)')
    check(status == 0 and out.split() == [platform.node(), platform.release(), platform.machine(),
                                          str(os.sysconf("SC_NPROCESSORS_ONLN"))], out + err)


def main():
    status, _, err = run("eval", "-d", "100ms", 'local t = oc.open {} t:on("cpu", function() end) t:run()')
    test_recorded()
    if status != 0:
        print("skipped: the kernel refuses:", err.strip().split("\n")[0])
        sys.exit(SKIP)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for running in [pool.submit(test) for test in (test_host, test_paused, test_overhead, test_signal)]:
            running.result()
    print("control: all as it should be")


main()
