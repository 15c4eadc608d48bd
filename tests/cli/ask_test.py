"""What can be asked for: events as perf encodes them, and targets against what is known to have run."""
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

from bad_input_test import may_trace
from program import Suite, environment, finish, problems_of, run, start

COUNT = "local t = oc.open {} local c = oc.counter('event', 'comm', 'tid', 'cpu') " \
    "for _, name in ipairs(t.events) do t:on(name, function(e) c:count(e.event, e.comm, e.tid, e.cpu) end) end " \
    "t:every('10ms', function() io.stderr:write('.') end) t:run() print(c:json()) print('lost', t:stats().lost)"
ROW = re.compile(r'\{"comm":"([^"]*)","count":(\d+),"cpu":(\d+),"event":"([^"]*)","tid":(\d+)\}')

# Names whose encoding perf tells; those that perf of some version does not know are left out there.
EVENTS = ["cpu-clock", "cpu-clock:u", "cpu-clock:k", "task-clock:uk", "page-faults", "faults:u", "minor-faults", "cs", "migrations",
          "cycles", "cpu-cycles:u", "instructions:k", "branch-misses:p", "cycles:pp", "cycles:ppp", "branches", "bus-cycles:h",
          "cycles:G", "cycles:H", "cycles:D", "L1-dcache-load-misses", "l1d-stores", "LLC-prefetches", "dTLB-misses", "iTLB-loads:u",
          "node-store-misses", "branch-loads", "L1-icache-prefetch-misses", "r1a8", "r1a8:u", "mem:0x1000", "mem:0x1000/8:rw",
          "mem:0x1001/1:w", "mem:0x1000:x", "mem:0x1000:w:u", "msr/tsc/", "msr/tsc/u", "msr/event=2/", "cycles/period=100000/",
          "cpu-clock/freq=50/u", "cycles/config=5/", "sched:sched_switch", "sched:sched_switch:u", "raw_syscalls:sys_enter"]
FIELDS = ["type", "config", "bp_type", "config1", "config2", "exclude_user", "exclude_kernel", "exclude_hv", "exclude_host",
          "exclude_idle", "precise_ip", "pinned", "exclusive"]


def perf_attr(name):
    """The first attr that `perf stat -vv` tries for an event; None when this perf does not know the name."""
    said = subprocess.run(["perf", "stat", "-vv", "-e", name, "true"], capture_output=True, text=True, env=environment(),
                          check=False).stderr
    dump = re.search(r"perf_event_attr:\n(.*?)\n-{20}", said, re.S)
    if "parser error" in said or "event syntax error" in said or not dump:
        return None
    attr = {}
    for line in dump.group(1).splitlines():
        pair = re.fullmatch(r"\s*(\{ [\w, ]+ \}|\w+)\s+(\S+)", line)
        if not pair:
            continue
        key = {"{ bp_addr, config1 }": "config1", "{ bp_len, config2 }": "config2"}.get(pair.group(1), pair.group(1))
        attr[key] = int(pair.group(2), 0) if re.fullmatch(r"0x[0-9a-f]+|\d+", pair.group(2)) else pair.group(2)
    return {field: attr.get(field, 0) for field in FIELDS}


def counts(text):
    rows = {}
    for comm, count, cpu, event, tid in ROW.findall(text):
        rows[(comm, int(tid), int(cpu), event)] = int(count)
    return rows


def ready(args):
    """A run that has begun: it has fired its first timer."""
    job = start(["eval", COUNT, *args])
    job.stderr.read(1)
    return job


def spin(seconds="20", name=None):
    """A process that calls getppid all the time."""
    return subprocess.Popen(["dd", "if=/dev/zero", "of=/dev/null", "bs=1", "count=1000000000", "status=none"] if name is None
                            else [name, seconds], env=environment())


def check(suite, name, ended, test):
    rows = counts(ended.out)
    ended.err = ended.err.replace(".", "")
    problems = [] if ended.status == 0 else [f"status {ended.status}"]
    problem = test(rows)
    if problem:
        problems.append(problem)
    ended.out = ended.out[:600]
    suite.check(name, problems, ended)


def of_process(suite, folder):
    """dd is told to wait, so that every call it makes is made under the eyes of both."""
    said, fifo = os.path.join(folder, "stat"), os.path.join(folder, "fifo")
    os.mkfifo(fifo)
    dd = subprocess.Popen(["dd", "if=" + fifo, "of=/dev/null", "bs=1", "count=50000", "status=none"], env=environment())
    keep = os.open(fifo, os.O_WRONLY)
    oc = ready(["-e", "raw_syscalls:sys_enter", "-p", str(dd.pid)])
    stat = subprocess.Popen(["perf", "stat", "-x", ",", "-o", said, "-e", "raw_syscalls:sys_enter", "-p", str(dd.pid)],
                            env=environment())
    time.sleep(1)
    for _ in range(50):
        os.write(keep, b"x" * 1000)
    os.close(keep)
    dd.wait()
    stat.wait()
    ended = finish(oc)
    with open(said, encoding="utf-8") as text:
        count = int(next(line for line in text if "sys_enter" in line).split(",")[0])

    def test(rows):
        seen = sum(rows.values())
        others = {key for key in rows if key[1] != dd.pid}
        if others or seen != count or count < 50000:
            return f"seen {seen}, of others {others}, the kernel counted {count}"
        return None

    check(suite, "-p: all calls of a process, none else, until it ends", ended, test)


STARTER = """
import os, subprocess, sys, threading
def calls():
    for i in range(100): os.getppid()
calls()
sys.stdin.readline()
for i in range(20):
    t = threading.Thread(target=calls); t.start(); t.join()
subprocess.run([sys.executable, "-S", "-c", "import os; [os.getppid() for i in range(70)]"])
"""


def of_children(suite):
    job = subprocess.Popen(["/usr/bin/python3", "-S", "-c", STARTER], stdin=subprocess.PIPE, env=environment())
    time.sleep(0.5)
    oc = ready(["-e", "syscalls:sys_enter_getppid", "-p", str(job.pid)])
    job.communicate(b"go\n")
    ended = finish(oc)
    check(suite, "-p: threads and children that start later", ended,
          lambda rows: None if sum(rows.values()) == 2070 else f"{sum(rows.values())} calls, wanted 2070")


STORM = """
import os, sys, threading, time
def calls():
    for i in range(10): os.getppid()
end = time.time() + 3
while time.time() < end:
    all = [threading.Thread(target=calls) for i in range(3)]
    for t in all: t.start()
    for t in all: t.join()
"""


def of_storm(suite):
    """Each thread calls ten times: one that was missed, or counted twice, shows."""
    job = subprocess.Popen(["/usr/bin/python3", "-S", "-c", STORM], env=environment())
    time.sleep(0.5)
    ended = finish(ready(["-e", "syscalls:sys_enter_getppid", "-p", str(job.pid)]))
    job.wait()

    def test(rows):
        by_tid = {}
        for key, count in rows.items():
            by_tid[key[1]] = by_tid.get(key[1], 0) + count
        first, last = min(by_tid, default=0), max(by_tid, default=0)
        # Those that ran when the events were enabled have only a part; a number may come again.
        odd = {tid: n for tid, n in by_tid.items() if n % 10 and tid > first + 6}
        if len(by_tid) < 10 or len(odd) > 0:
            return f"{len(by_tid)} threads from {first} to {last}; incomplete or twice: {odd}"
        return None

    check(suite, "-p: a storm of threads while attaching", ended, test)


def by_name(suite, folder):
    late = os.path.join(folder, "oc_latecomer")
    shutil.copy("/bin/sleep", late)
    oc = ready(["-e", "raw_syscalls:sys_enter", "--comm", "oc_late*"])
    subprocess.run(["/bin/sleep", "0.05"], check=True)
    subprocess.run([late, "0.05"], check=True)
    oc.send_signal(2)
    check(suite, "--comm: one that starts later, none else", finish(oc),
          lambda rows: None if rows and {key[0] for key in rows} == {"oc_latecomer"} and sum(rows.values()) > 10 else f"{rows}")


def by_cgroup(suite):
    root = next((line.split()[1] for line in open("/proc/self/mounts", encoding="utf-8") if line.split()[2] == "cgroup2"), None)
    name = f"oc_test_{os.getpid()}"
    try:
        os.makedirs(f"{root}/{name}/inner")
    except OSError as error:
        suite.skip("--cgroup", f"no group can be made: {error}")
        return
    inside, outside = spin(), spin()
    try:
        with open(f"{root}/{name}/inner/cgroup.procs", "w", encoding="ascii") as procs:
            procs.write(str(inside.pid))
        for event in ("cpu-clock", "raw_syscalls:sys_enter"):
            oc = ready(["-e", event, "--cgroup", name])
            time.sleep(0.3)
            oc.send_signal(2)
            check(suite, f"--cgroup: {event} of the group and those in it", finish(oc),
                  lambda rows: None if rows and {key[1] for key in rows} == {inside.pid} else f"{rows}")
        pairs = run(["eval", PAIRS, "-d", "10ms", "--cgroup", name])
        suite.check("--cgroup: what pairs of threads miss", problems_of(pairs, 0, r"^done$", "--cgroup: what others do to these threads"), pairs)
        near = run(["eval", COUNT, "-e", "cpu-clock", "--cgroup", name[:-1] + "x"])
        suite.check("--cgroup: the nearest", problems_of(near, 1, None, f"did you mean /{name}"), near)
    finally:
        for job in (inside, outside):
            job.kill()
            job.wait()
        for folder in (f"{root}/{name}/inner", f"{root}/{name}"):
            for _ in range(50):
                try:
                    os.rmdir(folder)
                    break
                except OSError:
                    time.sleep(0.1)


PAIRS = "local t = oc.open {} t:on('sched:sched_wakeup', { tasks = 'all' }, function() end) t:run() print('done')"


def by_cpu_and_thread(suite):
    job = spin()
    try:
        cpus = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(job.pid, {cpus[-1]})
        oc = ready(["-e", "cpu-clock", "-C", str(cpus[-1])])
        time.sleep(0.5)
        oc.send_signal(2)
        check(suite, "-C: samples of one CPU, names of all", finish(oc), lambda rows: None if {key[2] for key in rows} == {cpus[-1]}
              and any(key[:2] == ("dd", job.pid) for key in rows) else f"{rows}")
        for options, told in (("-C", str(cpus[-1])), "-C: what threads do on other CPUs"), ((), ""):
            pairs = run(["eval", PAIRS, "-d", "10ms", *options])
            suite.check(f"what pairs miss, {options}", problems_of(pairs, 0, r"^done$", told), pairs)
        oc = ready(["-e", "cpu-clock", "-t", str(job.pid)])
        time.sleep(0.3)
        oc.send_signal(2)
        check(suite, "-t: a thread alone", finish(oc), lambda rows: None if {key[1] for key in rows} == {job.pid} else f"{rows}")
    finally:
        job.kill()
        job.wait()


def groups(suite):
    # Each CPU counts for itself. The very last sample may come while the thread is taken apart.
    script = "local t = oc.open {} local n, good, most = 0, 0, 0 t:on('{cpu-clock,page-faults}:S', function(e) n = n + 1 " \
        "local r = e.reads if #r == 2 and r[2].event:find('page%-faults') then good = good + 1 " \
        "most = math.max(most, r[2].value) end end) t:run() print('samples', n > 5, 'good', n - good < 2 and most > 10)"
    command = ["sh", "-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"]
    ended = run(["eval", script, "--", *command])
    suite.check("a group is read with each sample", problems_of(ended, 0, r"samples\ttrue\tgood\ttrue", None), ended)
    script = "local t = oc.open { stacks = 'fp' } local n = 0 t:on('cpu', function(e) if #e.callchain > 1 then n = n + 1 end end) t:run() print('deep', n > 0)"
    ended = run(["eval", "-q", script, "--", *command])
    suite.check("stacks by frame pointers", problems_of(ended, 0, r"deep\ttrue", None), ended)
    script = "local t = oc.open { stacks = 'dwarf', stack_size = 1024 } local n = 0 t:on('cpu-clock:u', function(e) " \
        "if e.user_regs.sp and #e.user_stack > 0 and #e.user_stack <= 1024 then n = n + 1 end end) t:run() print('stacks', n > 0)"
    ended = run(["eval", script, "--", *command])
    suite.check("registers and the user's stack", problems_of(ended, 0, r"stacks\ttrue", None), ended)


def refusals(suite):
    def wrong(name, args, status, said):
        ended = run(["eval", COUNT, *args])
        suite.check(name, problems_of(ended, status, None, said), ended)

    me = str(os.getpid())
    event = ["-e", "cpu-clock"]
    wrong("-p and a command", [*event, "-p", me, "--", "true"], 2, "do not go together")
    wrong("-a and -p", [*event, "-a", "-p", me], 2, "do not go together")
    wrong("-F and -c", [*event, "-F", "9", "-c", "9"], 2, "do not go together")
    wrong("a process that is no number", [*event, "-p", "nginx"], 2, "'nginx' is no process id")
    wrong("a process that is not there", [*event, "-p", "4194304"], 1, "there is no process 4194304")
    wrong("a CPU that is not there", [*event, "-C", "4000"], 1, "CPU 4000 is not online")
    wrong("no list of CPUs", [*event, "-C", "0-x"], 2, "no list of CPUs")
    wrong("a container that is not there", [*event, "--container", "0123456789ab"], 1, "there is no container")
    wrong("a modifier that is none", ["-e", "cpu-clock:q", "--", "true"], 1, "'q' is no modifier")
    wrong("a unit that is none", ["-e", "nounit/event=1/", "--", "true"], 1, "no unit 'nounit'")
    wrong("a stack that is too large", [*event, "--call-graph", "dwarf,70000", "--", "true"], 2, "65528")
    wrong("no way to walk stacks", [*event, "--call-graph", "lbr", "--", "true"], 2, "fp, dwarf")


def encodings(suite):
    """oc records each event, perf shows what attr it has; perf's own first try is the measure."""
    name = "attrs are perf's"
    if not shutil.which("perf"):
        suite.skip(name, "no perf here")
        return
    helper = os.environ.get("OC_ATTR_DUMP")
    if not helper:
        suite.skip(name, "OC_ATTR_DUMP does not name the program that shows attrs")
        return
    ended = subprocess.run([helper, *EVENTS], capture_output=True, text=True, check=False)
    own = {}
    for line in ended.stdout.splitlines():
        event, _, rest = line.partition("\t")
        own[event] = dict((pair.split("=")[0], int(pair.split("=")[1], 0)) for pair in rest.split())
    problems = [] if ended.returncode == 0 else [ended.stderr[:300]]
    compared = 0
    with concurrent.futures.ThreadPoolExecutor(suite.WORKERS) as pool:
        of_perf = dict(zip(EVENTS, pool.map(perf_attr, EVENTS)))
    for event, theirs in of_perf.items():
        if theirs is None:
            continue
        compared += 1
        wrong = {field: (own.get(event, {}).get(field), theirs[field]) for field in FIELDS if own.get(event, {}).get(field) != theirs[field]}
        if wrong:
            problems.append(f"{event}: {wrong} (ours, perf's)")
    if compared < len(EVENTS) // 2:
        problems.append(f"only {compared} of {len(EVENTS)} names are known to this perf")
    suite.check(name, problems)


def main():
    suite = Suite("ask")
    encodings(suite)
    reason = may_trace()
    if reason:
        suite.skip("targets", reason)
        return suite.finish()
    with tempfile.TemporaryDirectory(prefix="oc-ask.") as folder:
        if shutil.which("perf"):
            suite.later(of_process, suite, folder)
        suite.later(by_name, suite, folder)
        for case in (of_children, of_storm, by_cgroup, by_cpu_and_thread, groups, refusals):
            suite.later(case, suite)
        suite.wait()
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
