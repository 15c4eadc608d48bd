"""./dev bench live_repl [SECONDS]: a live session under load. Memory is bounded, and what was delivered, left out and lost
is what the kernel counted."""
import json
import os
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
OC = os.path.join(ROOT, "build/oc")
MOST_RSS_MIB = 400  # the spool's 256 MiB, what waits in the rings, and what a program is


def main():
    seconds = sys.argv[1] if len(sys.argv) > 1 else "600"
    load = subprocess.Popen(["dd", "if=/dev/zero", "of=/dev/null", "bs=512"], stderr=subprocess.DEVNULL)
    try:
        done = subprocess.run([OC, "script", os.path.join(ROOT, "tests/bench/live_repl.lua")], text=True,
                              stdout=subprocess.PIPE, env={**os.environ, "OC_SOAK_S": seconds})
    finally:
        load.kill()
        load.wait()
    print(done.stdout, end="")
    lines = done.stdout.splitlines()
    if done.returncode != 0 or not lines:
        return done.returncode or 1
    r = json.loads(lines[-1])
    told = r["events"] + r["filtered"] + r["lost"] + r["own"] + r["malformed"]
    counted = sum(r["counted"].values())
    print(f"told {told:.0f}, counted {counted:.0f}, most RSS {r['most_rss_mib']:.0f} MiB")
    return 0 if told == counted and r["most_rss_mib"] < MOST_RSS_MIB else 1


sys.exit(main())
