"""Processes in control groups and namespaces: live, recorded, and oc itself in a pid namespace."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

from bad_input_test import may_trace
from program import Suite, problems_of, run

DEMO = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../examples/traces/demo.data")
ID = "0123456789abcdef" * 4
BUSY = "i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done"
SCRIPT = ("local t = oc.open{ cgroups = %s } local c = oc.counter('group', 'container', 'event') "
          "t:on('%s', function(e) c:count(e.cgroup, e.container, e.event) end) t:run() c:print()")


class Group:
    """A cgroup named as docker names those of its containers; `into` is a command that moves into it."""

    def __init__(self):
        with open("/proc/self/mounts", encoding="utf-8") as mounts:
            roots = [line.split()[1] for line in mounts if line.split()[2] == "cgroup2"]
        self.path = f"/oc-test-{os.getpid()}.slice/docker-{ID}.scope"
        self.folder = (roots[0] if roots else "/nonexistent") + self.path

    def __enter__(self):
        os.makedirs(self.folder)
        return self

    def __exit__(self, *_):
        os.rmdir(self.folder)
        os.rmdir(os.path.dirname(self.folder))

    def into(self, command):
        return ["sh", "-c", f"echo $$ > {self.folder}/cgroup.procs && exec sh -c '{command}'"]


def rows_of(ended):
    found = re.findall(r"^(\S+) +(\S*) +(\S+) +(\d+)$", ended.out, re.M)
    return {(group, container): int(count) for group, container, _, count in found}


LIVE_MACHINE = """
local t = oc.open { cgroups = true, machine = true }
local c = oc.counter("cgroup")
t:on("page-faults", function(e) c:count(e.cgroup) end)
t:run()
for _, row in ipairs(c:rows()) do print("event", row.cgroup, row.count) end
local m = t:machine()
for _, row in ipairs(m:samples { kind = "page-faults" }:by("cgroup"):count():rows()) do
  print("machine", row[1], row.count)
  print("chosen", row[1], m:samples { kind = "page-faults", cgroup = row[1] }:total())
end
"""


def live_machine(suite, group):
    ended = run(["eval", LIVE_MACHINE, "-e", "page-faults", "--", *group.into(BUSY)])
    told = {who: dict(re.findall(rf"^{who}\t(\S+)\t(\d+)$", ended.out, re.M)) for who in ("event", "machine", "chosen")}
    same = group.path in told["event"] and told["event"] == told["machine"] == told["chosen"]
    suite.check("a live machine's samples, too", problems_of(ended, 0, ".", None) + ([] if same else [f"{told}"]), ended)


def live(suite, group):
    live_machine(suite, group)
    ended = run(["eval", SCRIPT % ("true", "page-faults"), "--", *group.into(BUSY)])
    rows = rows_of(ended)
    problems = problems_of(ended, 0, ".", None)
    # The shell began outside of the group: its samples say where it was at each moment.
    if rows.get((group.path, ID[:12]), 0) < 10 or rows.get(("/", ""), 0) + len(rows) < 2:
        problems.append(f"seen: {rows}")
    suite.check("a sample names the cgroup of its moment", problems, ended)
    for event in ("exec", "page-faults"):
        ended = run(["eval", SCRIPT % ("false", event), "--", *group.into("sleep 0.3;" + BUSY)])
        rows = rows_of(ended)
        suite.check(f"without it, /proc tells ({event})", problems_of(ended, 0, ".", None) +
                    ([] if (group.path, ID[:12]) in rows else [f"seen: {rows}"]), ended)


def recorded(suite, group, folder):
    if not shutil.which("perf"):
        suite.skip("a recording names cgroups", "no perf here")
        return
    path = os.path.join(folder, "cgroups.data")
    done = subprocess.run(["perf", "record", "-q", "--all-cgroups", "-e", "cpu-clock", "-o", path, "--",
                           *group.into(BUSY)], capture_output=True, text=True, check=False, timeout=60)
    told = subprocess.run(["perf", "report", "-i", path, "--sort", "cgroup", "--stdio", "-n"], capture_output=True,
                          text=True, check=False, timeout=60)
    wanted = {name: int(count) for count, name in re.findall(r"^ +[\d.]+% +(\d+) +(\S+)", told.stdout, re.M)}
    if done.returncode or group.path not in wanted:
        suite.skip("a recording names cgroups", f"perf does not record them: {done.stderr[:200]}{told.stderr[:200]}")
        return
    ended = run(["eval", SCRIPT % ("false", "cpu-clock*"), "-i", path])
    rows = {key[0]: count for key, count in rows_of(ended).items()}
    suite.check("a recording's cgroups are those of perf report",
                problems_of(ended, 0, ID[:12], None) + ([] if rows == wanted else [f"{rows}, perf says {wanted}"]), ended)
    ended = run(["report", path, "--by", "cgroup", "--json"])
    rows = {row["cgroup"]: row["count"] for row in json.loads((ended.out.splitlines() or ["{}"])[-1]).get("rows", [])}
    suite.check("oc report's, too",
                problems_of(ended, 0, ".", None) + ([] if rows == wanted else [f"{rows}, perf says {wanted}"]), ended)


def not_known(suite):
    for field, wanted in (("cgroup", "oc record --all-cgroups"), ("container", "oc record --all-cgroups"),
                          ("ns_pid", "known live only")):
        ended = run(["eval", f"local t = oc.open{{}} t:on('cpu', function(e) local x = e.{field} end) t:run()",
                     "-i", DEMO, "--max-errors", "1"])
        suite.check(f"{field} that was not recorded", problems_of(ended, 1, None, wanted), ended)
    ended = run(["eval", "local t = oc.open{ cgroups = 1 }"])
    suite.check("cgroups is yes or no", problems_of(ended, 1, None, "'cgroups' wants a boolean"), ended)


def in_namespace(suite):
    """Ids are those of the namespace, and oc leaves out its own events there too."""
    prefix = ["unshare", "-p", "-m", "--mount-proc", "-f"]
    script = ("local t = oc.open{} local c = oc.counter('what') t:on('exec', function(e) "
              "c:count(e.args.pid < 100 and 'small' or 'large') "
              "c:count(e.ns_pid == e.pid and 'same' or e.ns_pid == 0 and 'gone' or 'other') end) t:run() c:print()")
    ended = run(["eval", script, "--", "sh", "-c", "/bin/true; exec sleep 0.2"], prefix=prefix)
    problems = problems_of(ended, 0, "small +3", None)
    if "large" in ended.out or "other" in ended.out:
        problems.append("ids of the host")
    suite.check("in a pid namespace ids are its own", problems, ended)
    script = ("local t = oc.open{} local n = 0 local mine = {} t:on('raw_syscalls:sys_enter', function(e) "
              "if e.comm == 'oc' then n = n + 1 end end) t:run() print('own', n)")
    ended = run(["eval", script, "-d", "300ms"], prefix=prefix)
    suite.check("own events are left out in a pid namespace", problems_of(ended, 0, r"^own\t0$", "pid namespace"), ended)


def main():
    suite = Suite("containers")
    not_known(suite)
    reason = may_trace()
    if reason:
        suite.skip("live", reason)
        return suite.finish()
    try:
        with Group() as group, tempfile.TemporaryDirectory() as folder:
            live(suite, group)
            recorded(suite, group, folder)
    except OSError as error:
        suite.skip("cgroups", f"a cgroup cannot be made: {error}")
    if subprocess.run(["unshare", "-p", "-m", "--mount-proc", "-f", "true"], check=False,
                      capture_output=True).returncode == 0:
        in_namespace(suite)
    else:
        suite.skip("in a pid namespace", "unshare is refused here")
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
