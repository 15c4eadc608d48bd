"""`oc record` from outside: what it writes is read by perf and by oc, whatever happens while it is written.

one thing: every case records, then asks perf and oc what they read, with the same few helpers.
OC_TEST_OFFLINE=1 also takes the last CPU offline for a moment (root; everybody on the machine notices).
"""
import glob
import itertools
import json
import os
import platform
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from bad_input_test import may_trace
from program import NO_KALLSYMS, OC, Suite, environment, finish, problems_of, run, start

SWITCH, CALLS = "sched:sched_switch", "raw_syscalls:sys_enter"
SUMMARY = r"^oc: .*events in "
STORM = ["dd", "if=/dev/zero", "of=/dev/null", "bs=1", "count=3000000", "status=none"]
HAS_PERF = shutil.which("perf") is not None


def perf(*args):
    """perf's stdout and stderr; nothing of the user's configuration."""
    words = [args[0], NO_KALLSYMS, *args[1:]] if args[0] in ("script", "report") else args
    done = subprocess.run(["perf", *words], capture_output=True, text=True, errors="replace", check=False, timeout=120,
                          stdin=subprocess.DEVNULL, env=environment({"PERF_CONFIG": "/dev/null"}))
    return done.returncode, done.stdout, done.stderr


def complaints(path, verbs=("script",), may_be_empty=False):
    """What perf has against a trace: a status, an error, names that it does not know; no events at all, unless it may have none."""
    problems = []
    for verb in verbs:
        args = (verb, "--stdio", "-i", path) if verb == "report" else (verb, "-F", "comm,tid,time,event", "-i", path)
        status, out, err = perf(*args)
        if status != 0:
            problems.append(f"perf {args[0]}: status {status}: {err[:200]}")
        if re.search(r"(?i)\b(fail|error|broken|corrupt|invalid|out of order|unknown)", err):
            problems.append(f"perf {args[0]} says: {err[:200]}")
        if args[0] == "script" and not out and not may_be_empty:
            problems.append("perf script prints nothing")
    return problems


def lines_of(path, fields="comm,tid,event"):
    return perf("script", "-F", fields, "-i", path)[1].splitlines()


def count_by_oc(path, event):
    script = ("local t = oc.open{} local n = 0 t:on('" + event + "', function() n = n + 1 end) "
              "t:run() print(n)")
    ended = run(["eval", script, "-i", path])
    return int(ended.out) if re.fullmatch(r"\d+\n", ended.out) else ended.out + ended.err


def recorded(ended):
    """The JSON summary of a recording."""
    for line in ended.out.splitlines():
        if line.startswith('{"recorded"'):
            return json.loads(line)["recorded"]
    return {}


class Record:
    """The cases; each has a folder of its own."""

    def __init__(self, suite, folder):
        self.suite, self.folder, self.numbers = suite, folder, itertools.count(1)

    def path(self, name="t.data"):
        folder = os.path.join(self.folder, str(next(self.numbers)))
        os.mkdir(folder)
        return os.path.join(folder, name)

    def check(self, name, problems, ended=None):
        self.suite.check(name, problems, ended)

    def places(self):
        """Where nothing can be written is told before the command runs."""
        folder = os.path.dirname(self.path())
        marker = os.path.join(folder, "ran")
        for name, output, err in (
                ("a folder that is not there", folder + "/no/t.data", "there is no folder .*mkdir -p"),
                ("a folder", folder, "is a folder.*perf.data"),
                ("no name", folder + "/", "names a folder"),
                ("a folder that takes no files", "/proc/t.data", "cannot write /proc")):
            ended = run(["record", "-o", output, "--", "touch", marker])
            problems = problems_of(ended, 1, None, err, 3)
            if os.path.exists(marker):
                problems.append("the command was run")
            self.check(f"-o: {name}", problems, ended)
        for name, args, err in (
                ("no such event", ["-e", "nosuch"], "no event 'nosuch'"),
                ("no such command", ["--", "/no/such/program"], "No such file")):
            output = self.path()
            ended = run(["record", "-o", output, *args])
            left = glob.glob(output + "*")
            self.check(f"{name} leaves no file", problems_of(ended, 1, None, err, 3) + left, ended)

    def usage(self):
        for args, err in ((["--rotate", "10"], "neither a time nor a size"),
                          (["--overwrite", "soon"], "neither a time nor a size"),
                          (["--rotate", "1s", "--overwrite", "1s"], "exclude each other"),
                          (["--max-size", "1MiB", "--rotate", "1s"], "exclude each other"),
                          (["--rotate-files", "2"], "goes with --rotate"),
                          (["--json", "-o", "-"], "both want standard output"),
                          (["--json", "-o", "/dev/stdout"], "both want standard output"),
                          (["--rotate", "1s", "-o", "/dev/fd/1"], "needs a file's name"),
                          (["--overwrite", "1s", "-o", "-"], "needs a file's name"),
                          (["ls"], "one argument too many.*after --"),
                          (["--"], "no command behind --"), (["-e", ","], "event without a name")):
            ended = run(["record", *args])
            self.check("usage: " + " ".join(args), problems_of(ended, 2, None, err, 3), ended)

    def command(self):
        """Of a command whose doings are known, every event, in order, under the names perf has."""
        output = self.path()
        with open(output, "w", encoding="ascii") as older:
            older.write("older")
        dd = ["dd", "if=/dev/zero", "of=/dev/null", "bs=1", "count=1000", "status=none"]
        ended = run(["record", "-o", output, "-e", CALLS, "--json", "--", *dd])
        problems = problems_of(ended, 0, "recorded", SUMMARY)
        files = sorted(os.path.basename(name) for name in glob.glob(output + "*"))
        if files != ["t.data", "t.data.old"]:
            problems.append(f"files: {files}")
        told = recorded(ended).get("by_event", {}).get(CALLS, 0)
        if told < 2000 or count_by_oc(output, CALLS) != told:
            problems.append(f"{told} events told, read {count_by_oc(output, CALLS)}")
        if HAS_PERF:
            problems += complaints(output, ("script", "report"))
            theirs = self.path()
            # -B: perf 6.1 may crash over the build ids of files that others on the machine run.
            said = perf("record", "-q", "-B", "-m", "8M", "-o", theirs, "-e", CALLS, "--", *dd)[2]
            # How often brk is called depends on where the heap happens to lie.
            brk = {"x86_64": "12"}.get(platform.machine(), "214")
            ours, others = ([number for number in re.findall(r"NR (\d+)", perf("script", "-F", "trace", "-i", path)[1])
                             if number != brk] for path in (output, theirs))
            if not ours or ours != others:
                problems.append(f"perf records other calls: {len(ours)} and {len(others)} {said}")
            fields = [[re.sub(r"\d+", "0", line.split("(")[0])[:60] for line in perf("script", "-i", path)[1].splitlines()[-20:-10]]
                      for path in (output, theirs)]
            if fields[0] != fields[1]:
                problems.append(f"perf prints other fields: {fields[0][:1]} and {fields[1][:1]}")
        self.check("a command, against what perf records of it", problems, ended)

    def endings(self):
        for name, args, status in (("its status", ["--exit-status"], 7), ("told only", [], 0)):
            ended = run(["record", "-o", self.path(), *args, "--", "sh", "-c", "exit 7"])
            self.check(f"a command that fails: {name}", problems_of(ended, status, None, "ended with status 7"), ended)
        output = self.path()
        ended = run(["record", "-o", output, "-e", CALLS, "--", "sh", "-c", "kill -9 $$"])
        self.check("a command that is killed", problems_of(ended, 0, None, "ended by signal 9")
                   + (complaints(output) if HAS_PERF else []), ended)
        for name, number in (("Ctrl-C", signal.SIGINT), ("SIGTERM", signal.SIGTERM)):
            output = self.path()
            job = start(["record", "-o", output, "-e", SWITCH])
            wait_for_events(output + ".partial")
            job.send_signal(number)
            ended = finish(job)
            problems = problems_of(ended, 0, None, SUMMARY)
            if count_by_oc(output, SWITCH) == 0:
                problems.append("there are no events")
            self.check(f"{name} ends a recording", problems + (complaints(output) if HAS_PERF else []), ended)
        ended = run(["record", "-o", self.path(), "-e", CALLS, "-n", "100", "--", *STORM])
        self.check("-n ends it", problems_of(ended, 0, None, "SIGTERM"), ended)
        ended = run(["record", "-q", "-o", self.path(), "-d", "200ms"])
        self.check("-d ends it, -q says nothing", problems_of(ended, 0, None, None, within=1), ended)

    def interrupted_early(self):
        """A signal while events are opened and the file is begun leaves a whole trace or none."""
        problems = []
        for delay in (0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2):
            output = self.path()
            job = start(["record", "-o", output, "-e", SWITCH])
            time.sleep(delay)
            job.send_signal(signal.SIGTERM)
            ended = finish(job)
            left = sorted(os.listdir(os.path.dirname(output)))
            if left not in ([], ["t.data"]) or ended.status != (0 if left else 128 + signal.SIGTERM):
                # Before oc looks after signals, SIGTERM ends it as any program.
                if not (left == [] and ended.status == -signal.SIGTERM):
                    problems.append(f"after {delay} s: status {ended.status}, {left}: {ended.err}")
            elif left and isinstance(count_by_oc(output, SWITCH), str):
                problems.append(f"after {delay} s: oc cannot read it")
        self.check("a signal while a recording begins", problems)

    def killed(self):
        """kill -9 leaves a trace that both can read."""
        for args in ([], ["-z"]):
            output = self.path()
            job = start(["record", *args, "-o", output, "-e", SWITCH])
            wait_for_events(output + ".partial")
            job.kill()
            ended = finish(job)
            problems = [] if os.path.exists(output + ".partial") else ["there is no " + output + ".partial"]
            seen = count_by_oc(output + ".partial", SWITCH)
            if seen == 0 or isinstance(seen, str):
                problems.append(f"oc reads {seen}")
            if HAS_PERF:
                problems += complaints(output + ".partial")
                if len(lines_of(output + ".partial")) != seen:
                    problems.append(f"oc reads {seen}, perf {len(lines_of(output + '.partial'))}")
            strict = run(["eval", "--strict", "oc.open{}:run()", "-i", output + ".partial"])
            problems += problems_of(strict, 3, None, "was never finished")
            again = run(["record", "-q", "-o", output, "--", "true"])
            if not os.path.exists(output + ".partial.old"):
                problems.append("the next recording did not keep it")
            self.check(f"kill -9 {' '.join(args)}", problems + problems_of(again, 0, None, None), ended)

    def full(self):
        """What fits on a full disk is a whole trace."""
        limit = ["sh", "-c", 'ulimit -f "$0"; exec "$@"', "1200"]
        for args in ([], ["-z"]):
            output = self.path()
            ended = run(["record", *args, "-o", output, "-e", CALLS, "--", *STORM], prefix=limit)
            problems = problems_of(ended, 1, None, "cannot write .*hint: the limit on the size of files")
            seen = count_by_oc(output, CALLS)
            if isinstance(seen, str) or seen < 1000:
                problems.append(f"oc reads {seen}")
            told = re.search(r" (\d+) events in", ended.err)
            if not told or int(told.group(1)) != seen:
                problems.append(f"told {told and told.group(1)}, there are {seen}")
            self.check(f"a file that may not grow {' '.join(args)}", problems + (complaints(output) if HAS_PERF else []), ended)
        ended = run(["record", "-o", "/dev/full", "--", "true"])
        self.check("/dev/full", problems_of(ended, 1, None, "No space left on device"), ended)
        self.full_disk()

    def full_disk(self):
        name = "a full disk"
        place = os.path.dirname(self.path())
        if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2M", "none", place],
                                               check=False, capture_output=True).returncode != 0:
            self.suite.skip(name, "cannot mount a small disk")
            return
        try:
            output = os.path.join(place, "t.data")
            ended = run(["record", "-o", output, "-e", CALLS, "--", *STORM])
            problems = problems_of(ended, 1, None, "No space left.*the disk is full")
            seen = count_by_oc(output, CALLS)
            if isinstance(seen, str) or seen < 1000:
                problems.append(f"oc reads {seen}")
            self.check(name, problems + (complaints(output) if HAS_PERF else []), ended)
        finally:
            subprocess.run(["umount", place], check=False)

    def pipes(self):
        for args in (["-o", "-"], ["-z", "-o", "-"], ["-o", "/dev/stdout"], ["-o", "/dev/fd/1"]):
            stream = os.path.join(os.path.dirname(self.path()), "stream")
            with open(stream, "wb") as out:
                writer = start(["record", "-q", *args, "-e", SWITCH, "--", "sh", "-c", "echo hello; sleep 0.1"],
                               stdout=out)
                ended = finish(writer)
            problems = problems_of(ended, 0, None, "^hello$")
            if count_by_oc(stream, SWITCH) in (0, ""):
                problems.append("oc reads no events")
            if HAS_PERF:
                problems += complaints(stream)
            self.check(f"{' '.join(args)}: the command's output is on stderr", problems, ended)
        gone = subprocess.run(["sh", "-c", f"{OC} record -o - -e {CALLS} -- {' '.join(STORM)} | head -c 100000 | wc -c"],
                              capture_output=True, text=True, env=environment(), check=False, timeout=60)
        problems = [] if gone.stdout.strip() == "100000" else [f"the reader had {gone.stdout}"]
        if "Broken pipe" not in gone.stderr or "has ended" not in gone.stderr:
            problems.append(gone.stderr)
        self.check("a reader that goes away", problems)

    def sizes(self):
        output = self.path()
        ended = run(["record", "-o", output, "--max-size", "300KiB", "-e", CALLS, "--", *STORM])
        problems = problems_of(ended, 0, None, SUMMARY)
        if not 200 << 10 < os.path.getsize(output) < 400 << 10:
            problems.append(f"{os.path.getsize(output)} bytes")
        self.check("--max-size", problems + (complaints(output) if HAS_PERF else []), ended)
        plain, packed = self.path(), self.path()
        few = ["dd", "if=/dev/zero", "of=/dev/null", "bs=1", "count=20000", "status=none"]
        seen = []
        for args, path in (([], plain), (["-z"], packed)):
            ended = run(["record", "-q", *args, "-o", path, "-e", CALLS, "--", *few])
            seen.append(count_by_oc(path, CALLS))
            self.check(f"a file {' '.join(args)}", problems_of(ended, 0, None, None)
                       + (complaints(path) if HAS_PERF else []), ended)
        if seen[0] != seen[1] or os.path.getsize(packed) * 3 > os.path.getsize(plain):
            self.check("-z", [f"{seen} events, {os.path.getsize(plain)} and {os.path.getsize(packed)} bytes"])

    def stacks(self):
        """Records near 64 KiB, of stacks that do not shrink (the environment is at a stack's end), among small ones."""
        output = self.path()
        noise = os.urandom(100_000).replace(b"\0", b"\1")
        loop = "import time\nend = time.time() + 1\nwhile time.time() < end: pass"
        args = ["record", "-z", "-o", output, "--json", "-F", "200", "-e", "cpu-clock", "--call-graph", "dwarf,65528",
                "--keep-stacks"]
        for _ in range(6):  # where the stack begins is random: the noise may be out of reach
            ended = run([*args, "--", sys.executable, "-c", loop], env={**os.environb, b"NOISE": noise})
            told = recorded(ended).get("by_event", {}).get("cpu-clock", 0)
            shrank = ended.status == 0 and os.path.getsize(output) < told * 50_000
            if not shrank:
                break
        if shrank:
            self.suite.skip("-z with stacks of 64 KiB", "their noise was out of reach")
            return
        problems = problems_of(ended, 0, "recorded", SUMMARY)
        if told < 1:
            problems.append("no samples")
        if count_by_oc(output, "cpu-clock") != told:
            problems.append(f"{told} events told, read {count_by_oc(output, 'cpu-clock')}")
        if HAS_PERF:
            problems += complaints(output)
            if len(lines_of(output)) != told:
                problems.append(f"{told} events told, perf reads {len(lines_of(output))}")
        self.check("-z with stacks of 64 KiB", problems, ended)

    def rotation(self):
        output = self.path("r.data")
        job = start(["record", "-o", output, "--rotate", "150ms", "--rotate-files", "3", "-e", SWITCH])
        # The first file may have threads without a name: of those that ended while /proc was listed. It is let go.
        wait_for_bytes(output.replace("r.data", "r.0004.data"), at_least=1)
        job.send_signal(signal.SIGINT)
        ended = finish(job)
        names = sorted(os.listdir(os.path.dirname(output)))
        problems = problems_of(ended, 0, None, "3 files up to .*r.00")
        if len(names) != 3 or not all(re.fullmatch(r"r\.\d{4}\.data", name) for name in names):
            problems.append(f"files: {names}")
        before = 0.0
        for name in names:
            path = os.path.join(os.path.dirname(output), name)
            if HAS_PERF:
                times = [float(line.strip(" :")) for line in lines_of(path, "time")]
                if name == names[-1] and not times:
                    continue  # the run ended just then
                problems += complaints(path)
                if not times or min(times) < before - 0.01:
                    problems.append(f"{name} begins at {times[:1]}, the one before ended at {before}")
                before = max(times, default=0)
                nameless = [line for line in lines_of(path) if re.match(r"\s*:\d+ ", line)]
                if nameless:
                    problems.append(f"{name}: threads without a name: {nameless[:2]}")
        self.check("--rotate", problems, ended)
        output = self.path("r.data")
        ended = run(["record", "-q", "-o", output, "--rotate", "256KiB", "-e", CALLS, "--json", "--", *STORM[:-2],
                     "count=20000", "status=none"])
        paths = sorted(glob.glob(os.path.dirname(output) + "/*"))
        total = sum(count_by_oc(path, CALLS) for path in paths)
        told = recorded(ended).get("events", 0)
        problems = problems_of(ended, 0, "recorded", None)
        if len(paths) < 2 or total != told or told < 40000:
            problems.append(f"{len(paths)} files with {total} events, {told} told")
        self.check("--rotate by size loses nothing between files", problems, ended)

    def from_script(self):
        path = self.path("slow.data")
        script = ("local ring = oc.recorder { events = { '" + SWITCH + "' }, overwrite = '1s' } "
                  "local t, done = oc.open{} t:on('cpu', function() end) "
                  "t:every('100ms', function(now) if now > 4e8 and not done then done = true "
                  "assert(ring:dump('" + path + "')) end end) t:run() print(ring:stop().events > 0) "
                  "print(ring:stop())")
        ended = run(["eval", script, "-d", "800ms"])
        problems = problems_of(ended, 0, r"^true\nnil\n$", None)
        seen = count_by_oc(path, SWITCH)
        if isinstance(seen, str) or seen == 0:
            problems.append(f"the dump has {seen} events")
        self.check("oc.recorder beside a trace", problems + (complaints(path) if HAS_PERF else []), ended)
        for code, err in (("oc.recorder{}", "needs overwrite"), ("oc.recorder{ evnts = 1 }", "did you mean 'events'"),
                          ("oc.recorder{ overwrite = 'x' }", "neither a time nor a size"),
                          ("oc.recorder{ output = '/no/such/t.data' }", "there is no folder"),
                          ("local r = oc.recorder{ overwrite = '1s' } r:stop() r:dump('x')", "was stopped")):
            ended = run(["eval", code])
            self.check("oc.recorder: " + err, problems_of(ended, 1, None, err), ended)

    def chosen(self):
        """--comm: every call of programs that start later, hardly any of others."""
        path = self.path()
        program = os.path.join(os.path.dirname(path), "oc-chosen-one")
        shutil.copy("/bin/true", program)
        job = start(["record", "-o", path, "--comm", "oc-chosen-*", "-e", "raw_syscalls:sys_enter"])
        wait_for_bytes(path + ".partial", at_least=4096)  # what runs has been listed
        time.sleep(0.3)
        load = subprocess.Popen(["/bin/sh", "-c", f"i=0; while [ $i -lt 20 ]; do {program}; i=$((i+1)); done"])
        load.wait()
        job.send_signal(signal.SIGINT)
        ended = finish(job)
        counting = "local t = oc.open{} local c = oc.counter('comm') t:on('raw_syscalls:sys_enter', " \
            "function(e) c:count(e.comm) end) t:run() for _, row in ipairs(c:rows()) do print(row.comm, row.count) end"
        rows = dict(line.split("\t") for line in run(["eval", "-i", path, counting]).out.splitlines())
        chosen = int(rows.pop("oc-chosen-one", 0))
        others = sum(int(count) for count in rows.values())
        problems = problems_of(ended, 0, None, ".", 3)
        if chosen == 0 or chosen % 20 != 0:
            problems.append(f"20 equal programs made {chosen} calls")
        if others > chosen:
            problems.append(f"{others} calls of others: {rows}")
        self.check("--comm", problems, ended)

    def header(self):
        """Every section that perf writes on this machine, and the build ids that readelf sees."""
        if not HAS_PERF:
            self.suite.skip("sections and build ids", "no perf here")
            return
        ours, theirs = self.path(), self.path()
        program = os.path.realpath(shutil.which("env") or "/usr/bin/env")
        ended = run(["record", "-q", "-o", ours, "-e", SWITCH, "--", program, "sleep", "0.05"])
        perf("record", "-q", "-o", theirs, "-e", SWITCH, "--", program, "sleep", "0.05")
        missing = [set(re.search(r"# missing features: (.*)", perf("report", "--header-only", "-i", path)[1]).group(1).split())
                   for path in (ours, theirs)]
        problems = problems_of(ended, 0, None, None)
        group = self.path()
        run(["record", "-q", "-o", group, "-e", "cpu-clock,{task-clock,page-faults}:S", "--", "true"])
        if "{task-clock:S,page-faults:S}" not in perf("evlist", "-g", "-i", group)[1].split():
            problems.append("perf does not see the group")
        if missing[0] - missing[1]:
            problems.append(f"sections that perf writes and oc does not: {missing[0] - missing[1]}")
        keep = re.compile(r"^# (hostname|os release|arch|nrcpus|cpudesc|cpuid|total memory|sibling|CPU \d|node0 cpu|  ?L\d|memory nodes|   \d)")
        shown = [[line for line in perf("report", "--header-only", "-I", "-i", path)[1].splitlines() if keep.match(line)]
                 for path in (ours, theirs)]
        if shown[0] != shown[1] or len(shown[0]) < 8:
            problems.append(f"sections differ: {set(shown[0]) ^ set(shown[1])}")
        listed = dict(line.split(" ", 1)[::-1] for line in perf("buildid-list", "-i", ours)[1].splitlines())
        if shutil.which("readelf"):
            for path in [program, *(name for name in listed if name.endswith("libc.so.6"))]:
                notes = subprocess.run(["readelf", "-n", path], capture_output=True, text=True, check=False).stdout
                wanted = re.search(r"Build ID: ([0-9a-f]+)", notes)
                if wanted and listed.get(path) != wanted.group(1):
                    problems.append(f"build id of {path}: {listed.get(path)}, readelf says {wanted.group(1)}")
        if "[kernel.kallsyms]" not in listed and os.geteuid() == 0:
            problems.append("no build id of the kernel")
        self.check("sections and build ids", problems, ended)

    def deleted_file(self):
        """A program that was deleted before the recording began is known by its build id."""
        if os.geteuid() != 0 or not HAS_PERF or not shutil.which("readelf"):
            self.suite.skip("a deleted program", "needs root, perf and readelf")
            return
        copy = self.path("gone")
        shutil.copy(shutil.which("sleep"), copy)
        notes = subprocess.run(["readelf", "-n", copy], capture_output=True, text=True, check=False).stdout
        job = subprocess.Popen([copy, "30"])
        try:
            time.sleep(0.1)
            os.unlink(copy)
            output = self.path()
            ended = run(["record", "-q", "-o", output, "-d", "100ms"])
        finally:
            job.kill()
            job.wait()
        wanted = re.search(r"Build ID: ([0-9a-f]+)", notes).group(1)
        listed = perf("buildid-list", "-i", output)[1]
        problems = [] if re.search(wanted + r" .*gone", listed) else [f"{wanted} is not among {listed[:300]}"]
        self.check("a deleted program", problems + problems_of(ended, 0, None, None), ended)

    def analysis(self):
        if not HAS_PERF:
            self.suite.skip("perf sched", "no perf here")
            return
        output = self.path()
        ended = run(["record", "-q", "-o", output, "-e", "sched:sched_switch,sched:sched_stat_runtime,sched:sched_wakeup,sched:sched_process_fork",
                     "-d", "400ms", "--buffer", "32MiB"])  # hardly any loss, however busy the machine is
        problems = problems_of(ended, 0, None, None)
        for verb in (("latency",), ("timehist",)):
            status, out, err = perf("sched", *verb, "-i", output)
            if status != 0 or len(out.splitlines()) < 5:
                problems.append(f"perf sched {verb[0]}: status {status}: {err[:200]}")
        self.check("perf sched", problems, ended)

    def losses(self):
        """Rings that are too small lose; that is told, and is status 3 with --strict."""
        output = self.path()
        ended = run(["record", "--strict", "--json", "--buffer", "64KiB", "-o", output, "-e", CALLS, "-d", "500ms", "--", *STORM])
        told = recorded(ended)
        if told.get("lost") == 0:
            self.suite.skip("losses", "nothing was lost, even with small rings")
            return
        problems = problems_of(ended, 3, "recorded", "LOST .*by CPU: cpu .*by event: " + CALLS)
        if sum(told.get("lost_by_cpu", {}).values()) != told.get("lost"):
            problems.append(f"lost by CPU: {told.get('lost_by_cpu')}, in all {told.get('lost')}")
        if count_by_oc(output, CALLS) != told.get("events"):
            problems.append(f"{told.get('events')} events told, {count_by_oc(output, CALLS)} there")
        problems += read_again(output, told)
        self.check("losses", problems, ended)

    def examples(self):
        """The examples of the help."""
        text = run(["record", "--help"]).out
        shown = re.findall(r"^ *(oc record .*)$", text[text.find("xample"):], re.M)
        if len(shown) < 3:
            self.check("examples of the help", [f"the help shows {len(shown)}"])
        for line in shown:
            words = shlex.split(line)[2:]
            words = [self.path(os.path.basename(word)) if word.startswith("/tmp/") else word for word in words]
            ended = run(["record", *words])
            self.check("example: " + line, problems_of(ended, 0, ".?", SUMMARY), ended)

    def start_up(self):
        for name, args in (("-- true", []), ("all system calls, -- true", ["-e", "syscalls:sys_enter_*"])):
            ended = run(["record", "-q", *args, "-o", self.path(), "--", "true"])
            # To close all system calls one after the other takes 13 s: 37 ms each.
            self.check("quick: " + name, problems_of(ended, 0, None, None, within=1), ended)

    def offline(self):
        name = "a CPU goes while it is recorded"
        switches = sorted(glob.glob("/sys/devices/system/cpu/cpu[0-9]*/online"))
        if not os.environ.get("OC_TEST_OFFLINE") or not switches:
            self.suite.skip(name, "OC_TEST_OFFLINE is not set")
            return

        def turn(value):
            with open(switches[-1], "w", encoding="ascii") as switch:
                switch.write(value)

        output = self.path()
        try:
            job = start(["record", "-o", output, "-e", SWITCH + ",cpu-clock", "-d", "900ms"])
            time.sleep(0.3)
            turn("0")
            ended = finish(job)
        except OSError as error:
            self.suite.skip(name, f"cannot be switched: {error}")
            return
        finally:
            turn("1")
        self.check(name, problems_of(ended, 0, None, SUMMARY) + (complaints(output) if HAS_PERF else []), ended)


def read_again(path, told):
    """The file tells what the recording told, also of what was lost after the last record of a CPU."""
    script = "local t = oc.open{} t:on('" + CALLS + "', function() end) t:run()"
    read = json.loads(run(["eval", "-q", "--json", script, "-i", path]).out.splitlines()[-1])
    read = read.get("summary", read)
    problems = [f"{name}: told {told.get(name)}, read {read.get(name)}" for name in ("lost", "lost_by_cpu", "lost_by_event")
                if told.get(name) != read.get(name)]
    if HAS_PERF:
        header = perf("report", "--stdio", "-i", path)[1]
        total = re.search(r"Total Lost Samples: (\d+)", header)
        if total and int(total.group(1)) != told.get("lost"):
            problems.append(f"told {told.get('lost')} lost, perf says {total.group(1)}")
    return problems


def wait_for_events(path):
    """Until the trace that is written holds switches, as oc reads them; for 30 s at most."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        count = count_by_oc(path, SWITCH) if os.path.exists(path) else 0
        if isinstance(count, int) and count > 0:
            return
        time.sleep(0.05)


def wait_for_bytes(path, at_least):
    until = time.monotonic() + 30
    while time.monotonic() < until and not (os.path.exists(path) and os.path.getsize(path) >= at_least):
        time.sleep(0.05)


def main():
    suite = Suite("record")
    cannot = may_trace()
    with tempfile.TemporaryDirectory() as folder:
        record = Record(suite, folder)
        record.usage()
        if cannot:
            suite.skip("recording", cannot)
            return suite.finish()
        for case in (record.killed, record.interrupted_early, record.full, record.rotation, record.stacks, record.sizes,
                     record.endings, record.pipes, record.command, record.places, record.from_script, record.chosen,
                     record.header, record.deleted_file, record.analysis, record.examples):
            if suite.wants(case.__name__):
                suite.later(case)
        suite.wait()
        for case in (record.losses, record.start_up, record.offline):  # need the machine for themselves
            if suite.wants(case.__name__):
                case()
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
