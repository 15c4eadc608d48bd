#!/usr/bin/python3
"""The progress bar of a long read: on a terminal only, never in the way of results: progress_test.py"""
import concurrent.futures
import os
import re
import subprocess
import sys

import program

FIXTURE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fixtures", "sched.data")
# All but the first callback take half a second: what is read is nothing, but the run is long enough for a bar.
SLOW = """
local n, trace = 0, oc.open {}
local say = %s
trace:on("*", function(e)
  n = n + 1
  if n > 5 then return trace:stop() end
  if n > 1 then os.execute("sleep 0.5") end
  say("result " .. n)
end)
trace:at_end(function() print("the end") end)
trace:run()
"""
PRINT = "print"
WRITE = "function(text) io.stdout:write(text, '\\n') end"
ERASE = "\r\x1b[K"
BAR = re.compile(r"oc: +\d+ %  \S+ [MG]B of \S+ [MG]B  \S+ [MG]B/s")


def command(say, *options):
    return ["eval", "-i", FIXTURE, *options, SLOW % say]


def on_terminal(words, stdout_too=True):
    """What the terminal got; what stdout got when it is another place."""
    ended = program.on_terminal(words, stdout_too=stdout_too)
    assert ended.status == 0, ended
    return ended.out, ended.err


def shown(text):
    """What is left on the screen: each erased stretch is gone."""
    return [line.rsplit(ERASE, 1)[-1] for line in text.split("\n")]


EXPECTED = [f"result {n}" for n in range(1, 6)] + ["the end", ""]


def test_a_terminal_gets_a_bar_that_leaves_no_trace():
    for say in (PRINT, WRITE):
        seen, _ = on_terminal(command(say))
        assert BAR.search(seen), repr(seen)
        assert shown(seen) == EXPECTED, repr(seen)
        assert seen.find("oc:") > seen.find("result 1"), "nothing in the first second: " + repr(seen)


def test_results_that_go_elsewhere_hold_nothing_of_it():
    seen, out = on_terminal(command(PRINT), stdout_too=False)
    assert BAR.search(seen), repr(seen)
    assert shown(seen) == [""], repr(seen)
    assert out.split("\n") == EXPECTED, repr(out)


def test_quiet_and_pipes_get_none():
    seen, _ = on_terminal(command(PRINT, "-q"))
    assert seen.split("\n") == EXPECTED, repr(seen)
    done = subprocess.run([program.OC, *command(PRINT)], capture_output=True, check=True, text=True,
                          env=program.environment())
    assert done.stdout.split("\n") == EXPECTED, done.stdout
    assert done.stderr == "", done.stderr


def main():
    tests = {name: test for name, test in sorted(globals().items()) if name.startswith("test_")}
    with concurrent.futures.ThreadPoolExecutor(len(tests)) as pool:
        running = {name: pool.submit(test) for name, test in tests.items()}
    for name, future in running.items():
        future.result()
        print("ok:", name)


if __name__ == "__main__":
    sys.exit(main())
