"""`oc doctor` as root, as nobody, in namespaces; and that what it says is so.

OC_TEST_SYSCTL=1 also goes through all values of kernel.perf_event_paranoid (root; everybody notices).
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

from program import BUILD, OC, Suite, problems_of, run

NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs")
NAMES = {"kernel", "own commands", "whole system", "tracepoints", "hardware events", "scripts", "uprobes",
         "ring memory", "open files", "sample rate", "user", "container", "lockdown", "tracefs",
         "kernel symbols", "stacks", "processes", "cgroups", "bpf", "btf", "tools"}


def examine(suite, name, program=OC, prefix=(), wanted=None):
    """Runs it with --json; checks what every answer has to fulfil. `wanted`: states by name."""
    ended = run(["doctor", "--json"], program=program, prefix=prefix)
    lines = [json.loads(line) for line in ended.out.splitlines() if line.startswith("{")]
    findings = {line["name"]: line for line in lines if "name" in line}
    works = all(finding["state"] != "missing" for finding in findings.values())
    problems = problems_of(ended, 0 if works else 1, "summary", None, within=1)
    if set(findings) != NAMES:
        problems.append(f"looked at {sorted(findings)}")
    if lines and lines[-1] != {"summary": {"works": works}}:
        problems.append(f"the summary is {lines[-1]}")
    for finding in findings.values():
        if (finding["state"] == "ok") == ("meaning" in finding):
            problems.append(f"no meaning, or one without need: {finding}")
    for key, state in (wanted or {}).items():
        if findings.get(key, {}).get("state") not in state.split("|"):
            problems.append(f"{key} is {findings.get(key)}, wanted {state}")
    suite.check(name, problems, ended)
    return findings


def as_text(suite):
    plain = run(["doctor"])
    problems = problems_of(plain, plain.status, r"^ok +user +\S", None)
    columns = {line.index(line.split("  ")[1].strip(), 7) for line in plain.out.splitlines()
               if line.startswith(("ok ", "limited ", "missing "))} if plain.out else {0, 1}
    if "\033" in plain.out:
        problems.append("colour without a terminal")
    if len({min(columns, default=0)}) != 1 or plain.status not in (0, 1):
        problems.append(f"columns at {columns}")
    suite.check("its text is aligned and without colour", problems, plain)
    quiet = run(["doctor", "-q"])
    suite.check("-q leaves out what is well",
                [] if not any(line.startswith("ok") for line in quiet.out.splitlines()) else ["ok is shown"], quiet)
    ended = run(["doctor", "bpf"])
    suite.check("it takes no names", problems_of(ended, 2, None, "takes no names"), ended)
    if not shutil.which("script"):
        suite.skip("colour on a terminal", "no script(1) here")
        return
    shown = subprocess.run(["script", "-qec", f"{OC} doctor", "/dev/null"], capture_output=True, text=True,
                           errors="replace", timeout=60, check=False, stdin=subprocess.DEVNULL,
                           env={**os.environ, "TERM": "xterm", "NO_COLOR": ""})
    suite.check("colour on a terminal", [] if "\033[32mok\033[0m" in shown.stdout else [repr(shown.stdout[:200])])


def says_what_is_so(suite, findings, prefix, program):
    """What it calls missing fails, what it calls ok works."""
    script = ["eval", "local t = oc.open{} t:on('cpu', function() end) t:run()", "-d", "50ms"]
    ended = run(script, program=program, prefix=prefix)
    works = findings["whole system"]["state"] == "ok"
    suite.check("sampling the system works or not, as it said",
                problems_of(ended, 0 if works else 1, None, None if works else "oc doctor"), ended)
    own = findings["own commands"]["state"] != "missing"
    ended = run([*script, "--", "true"], program=program, prefix=prefix)
    suite.check("sampling a command works or not, as it said",
                [] if (ended.status == 0) == own else [f"status {ended.status}"], ended)


def as_others(suite, folder):
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        suite.skip("as nobody", "needs root and setpriv")
        return
    # The build may lie where nobody can go.
    os.chmod(folder, 0o755)
    program = shutil.copy(os.path.join(BUILD, "oc"), os.path.join(folder, "oc"))
    with open("/proc/sys/kernel/perf_event_paranoid", encoding="ascii") as file:
        paranoid = int(file.read())
    wanted = {"bpf": "ok|limited"}
    if paranoid >= 1:
        wanted.update({"whole system": "missing", "tracepoints": "missing", "uprobes": "limited"})
    found = examine(suite, "as nobody", program, NOBODY, wanted)
    if paranoid >= 1 and f"kernel.perf_event_paranoid={0}" not in found.get("whole system", {}).get("fix", ""):
        suite.check("the fix names the setting", [str(found.get("whole system"))])
    says_what_is_so(suite, found, NOBODY, program)


def every_level(suite, folder):
    """What nobody may do at each perf_event_paranoid, against what perf_event_open(2) says of it."""
    if not os.environ.get("OC_TEST_SYSCTL") or os.geteuid() != 0:
        suite.skip("every level of perf_event_paranoid", "OC_TEST_SYSCTL is not set (everybody notices), or no root")
        return
    path, program = "/proc/sys/kernel/perf_event_paranoid", os.path.join(folder, "oc")
    with open(path, encoding="ascii") as file:
        before = file.read()
    script = "local t = oc.open{} t:on('%s', function() end) t:run()"
    try:
        for level in range(-1, 3):  # Debian and Ubuntu have levels of their own above
            with open(path, "w", encoding="ascii") as file:
                file.write(str(level))
            for what, event, rest, works in (("own samples", "cpu", ["--", "true"], True),
                                             ("own faults", "page-faults", ["--", "true"], True),
                                             ("own starts", "exec", ["--", "true"], True),
                                             ("own switches", "cswitch", ["--", "true"], True),
                                             ("own switch events", "context-switches", ["--", "true"], level <= 1),
                                             ("all samples", "cpu", ["-d", "30ms"], level <= 0)):
                ended = run(["eval", script % event, *rest], program=program, prefix=NOBODY)
                good = ended.status == 0 if works else ended.status == 1 and "oc doctor" in ended.err
                suite.check(f"level {level}: {what}", [] if good else [f"works: {works}"], ended)
            examine(suite, f"level {level}", program, NOBODY, {
                "own commands": "ok" if level <= 1 else "limited",
                "whole system": "ok" if level <= 0 else "missing"})
    finally:
        with open(path, "w", encoding="ascii") as file:
            file.write(before)


def in_namespaces(suite):
    probe = ["unshare", "-p", "-m", "--mount-proc", "-f"]
    if os.geteuid() != 0 or subprocess.run([*probe, "true"], check=False, capture_output=True).returncode != 0:
        suite.skip("in namespaces", "unshare is refused here")
        return
    found = examine(suite, "in a pid namespace", prefix=probe, wanted={"container": "limited"})
    suite.check("the fix of a container", [] if "--pid=host" in found["container"].get("fix", "") else [str(found)])
    found = examine(suite, "without tracefs", wanted={"tracefs": "missing", "tracepoints": "missing"},
                    prefix=["unshare", "-m", "sh", "-c", "umount -a -t tracefs 2>/dev/null; exec \"$@\"", "sh"])
    suite.check("the fix of tracefs", [] if "mount -t tracefs" in found["tracefs"].get("fix", "") else [str(found)])
    examine(suite, "in a user namespace", prefix=["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                                                  "unshare", "-U"], wanted={"container": "limited"})


def main():
    suite = Suite("doctor")
    found = examine(suite, "as who runs the tests")
    says_what_is_so(suite, found, (), OC)
    as_text(suite)
    with tempfile.TemporaryDirectory() as folder:
        as_others(suite, folder)
        every_level(suite, folder)
    in_namespaces(suite)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
