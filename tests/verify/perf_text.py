"""What perf and oc say of one perf.data file, in comparable form.

perf's side is read from its text output: `perf script -F …`, `perf report --stats`, `perf evlist -v`.
"""
import collections
import concurrent.futures
import functools
import json
import os
import re
import shutil
import subprocess
import sys

SKIP = 77
ROOT = os.environ.get("OC_SOURCE_ROOT") or os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
OC = os.path.join(os.environ.get("OC_BUILD_ROOT", os.path.join(ROOT, "build")), "oc")
FIXTURES = os.path.join(ROOT, "tests", "fixtures")
DEMO = os.path.join(ROOT, "examples", "traces", "demo.data")
CORPUS = os.environ.get("OC_CORPUS") or os.path.join(ROOT, "..", "shared", "corpus")

# "comm pid/tid [cpu] seconds.nanos: event:", fields that were not asked for missing.
LINE = re.compile(r"\s*(?P<comm>.*?)\s+(?P<pid>-?\d+)/(?P<tid>-?\d+)\s+(?:\[(?P<cpu>\d+)\]\s+)?"
                  r"(?:(?P<s>\d+)\.(?P<ns>\d{9}):\s+)?(?P<event>\S.*?)?:?\s*$")

Sample = collections.namedtuple("Sample", "time cpu pid tid event comm")


def fixtures():
    names = sorted(name for name in os.listdir(FIXTURES) if name.endswith(".data"))
    return [DEMO] + [os.path.join(FIXTURES, name) for name in names]


def label(path):
    """The short name of a file in messages and tables."""
    for base in (CORPUS, FIXTURES):
        if os.path.abspath(path).startswith(os.path.abspath(base) + os.sep):
            return os.path.relpath(path, base)
    return os.path.basename(path)


def skip(reason):
    print("skipped:", reason)
    sys.exit(SKIP)


def has_perf():
    return shutil.which("perf") is not None


def need_perf():
    if not has_perf():
        skip("there is no perf here to compare with")


def corpus_paths(names):
    """The paths of these traces; none, and a word about it, where there is no corpus."""
    if os.path.isdir(CORPUS):
        return [os.path.join(CORPUS, name) for name in names]
    print(f"no corpus at {CORPUS} (set OC_CORPUS): only our own fixtures are compared")
    return []


def problems_of(check, *arguments):
    """What a check yields, without the Nones; a failed command is a problem as well."""
    try:
        return [problem for problem in check(*arguments) if problem]
    except AssertionError as failure:
        return [str(failure)]


def run_checks(jobs, what, at_once=None):
    """Runs jobs (label, check, arguments…) side by side, prints what they yield; the exit status. `at_once`: more of those
    that mostly wait."""
    with concurrent.futures.ThreadPoolExecutor(at_once or os.cpu_count() or 1) as pool:
        results = list(pool.map(lambda job: problems_of(*job[1:]), jobs))
    for (name, *_), problems in zip(jobs, results):
        for problem in problems:
            print(f"{name}: {problem[:4000]}")
    failures = sum(map(bool, results))
    print(f"{len(jobs)} {what}, {failures} differ")
    return 1 if failures else 0


def run(*command, status=(0,)):
    """Standard output and standard error; as Latin-1: names of threads are bytes."""
    done = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL,
                          timeout=60, encoding="latin-1")
    if done.returncode not in status:
        raise AssertionError(f"{' '.join(command)}: status {done.returncode}: {done.stderr.strip()}")
    return done.stdout, done.stderr


def perf(verb, *arguments, status=(0,)):
    """Nothing here needs kernel symbols, and reading them takes ten times as long as all the rest."""
    options = ["--kallsyms=/dev/null", "--no-itrace"] if verb == "script" else []
    return run("perf", verb, *options, *arguments, status=status)[0]


@functools.lru_cache(None)
def sample_types(path):
    """For each event its sample_type bits by name. perf 6.1 asks a terminal for none of this."""
    types = {}
    for line in perf("evlist", "-v", "-i", path).splitlines():
        found = re.match(r"(.*?): (?:type: |size: ).*?sample_type: ([A-Z_|]+)", line)
        if found:
            types[found.group(1)] = set(found.group(2).split("|"))
    return types


def parse(line):
    """A Sample of one line of perf script; cpu is -1 and time 0 where it has none."""
    found = LINE.match(line)
    assert found, f"cannot read perf's line {line!r}"
    time = int(found["s"]) * 10**9 + int(found["ns"]) if found["s"] else 0
    return Sample(time, int(found["cpu"] or -1), int(found["pid"]), int(found["tid"]), found["event"],
                  found["comm"])


def perf_samples(path, types=None):
    """The samples as perf script delivers them, in its order. `types` where they are known already."""
    types = types or sample_types(path)
    fields = ["comm", "pid", "tid", "event"]
    for field, bit in (("cpu", "CPU"), ("time", "TIME")):
        if types and all(bit in has for has in types.values()):
            fields.append(field)
    if not types:  # some streams, whose attrs perf knows too late to tell them
        fields.append("time")
    text = perf("script", "--ns", "-F", ",".join(fields), "-i", path)
    # Of streams perf prints call chains too, each address behind a tab.
    return [parse(line) for line in text.splitlines() if line.strip() and not line.startswith("\t")]


@functools.lru_cache(None)
def samples_of(path):
    """The same, read once: of recordings that do not change. Nobody changes the list."""
    return perf_samples(path)


def perf_records(path):
    """How many records of each kind, by `perf report --stats`: the part before the first event's."""
    counts = {}
    for line in perf("report", "--stats", "-i", path).splitlines():
        if line.strip().endswith("stats:") and "Aggregated" not in line:
            break
        found = re.match(r"\s*(\S+) events:\s+(\d+)", line)
        if found:
            counts[found.group(1)] = int(found.group(2))
    return counts


def lost_by_records(path):
    """What LOST records tell, by `perf report -D`; and what perf read() at the end of the recording."""
    text = perf("report", "-D", "-i", path)
    return (sum(map(int, re.findall(r"PERF_RECORD_LOST: id:\d+: lost:(\d+)", text))),
            sum(map(int, re.findall(r"PERF_RECORD_LOST_SAMPLES: id:\d+: lost samples :(\d+)", text))))


def oc_counts(path, *options):
    """(samples in order, {title: {key: count}}, summary, stderr) by counts.lua."""
    script = os.path.join(ROOT, "tests", "verify", "counts.lua")
    out, err = run(OC, "script", "-i", path, script, "--json", "--lines", *options)
    samples, counts, summary = [], {}, {}
    for line in out.splitlines():
        if not line.startswith("{"):
            words = line.split("\t")
            samples.append(Sample(*map(int, words[:4]), *words[4:]))
            continue
        document = json.loads(line)
        if "summary" in document:
            summary = document["summary"]
        else:
            key = document["columns"][0]
            counts[document["title"]] = {row[key]: row["count"] for row in document["rows"]}
    return samples, counts, summary, err
