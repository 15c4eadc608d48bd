#!/usr/bin/env python3
"""Exports for PerfView, Firefox Profiler and Perfetto, opened by readers that we did not write.

Each file is folded into stacks with weights and compared with the collapsed stacks of the same machine. Readers:
Python's XML, JSON and zip modules, xmllint, unzip, protoc, and (where npm reaches its registry) the Firefox
Profiler's own code in @firefox-devtools/profiler-cli.
"""
import ast
import collections
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
import zipfile

ROOT = os.environ.get("OC_SOURCE_ROOT") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("OC_BUILD_ROOT", os.path.join(ROOT, "build"))
WRITE = os.path.join(BUILD, "tests", "verify", "write_export")
OC = os.path.join(BUILD, "oc")
RECORDING = os.path.join(ROOT, "tests", "fixtures", "stacks.data")
WORLDS = ["recording", "empty", "one", "web", "hostile", "deep"]
PROFILER_CLI = "@firefox-devtools/profiler-cli@0.10.0"
failures = []


def check(is_so, what):
    if not is_so:
        failures.append(what)
        print("FAILED:", what[:1000])


def write(folder, name, world, extension):
    path = os.path.join(folder, world + extension)
    command = [WRITE, name, world, path]
    if world == "recording":
        command = [OC, "export", RECORDING, "-e", "page-faults", "-o", path, "--format", name, "--quiet"]
    subprocess.run(command, check=True, timeout=120, capture_output=True)
    return path


def collapsed(folder, world):
    """Stacks as (comm, function, …) with their weights."""
    stacks = collections.Counter()
    with open(write(folder, "collapsed", world, ".folded"), encoding="utf-8", newline="\n") as lines:
        for line in lines:
            text, count = line.rstrip("\n").rsplit(" ", 1)
            stacks[tuple(text.split(";"))] += int(count)
    return stacks


def without_names(stacks):
    functions = collections.Counter()
    for stack, count in stacks.items():
        functions[stack[1:]] += count
    return functions


def compare(what, ours, theirs):
    """Names of the hostile machine are changed for collapsed stacks, so that only sums can be compared."""
    if "hostile" in what:
        check(sum(ours.values()) == sum(theirs.values()), f"{what}: {sum(theirs.values())} of {sum(ours.values())}")
        return
    if "recording" in what and "PerfView" not in what:  # a thread has one name there, the last one
        ours, theirs = without_names(ours), without_names(theirs)
    check(ours == theirs, f"{what}: {list((ours - theirs).items())[:3]} are missing, "
                          f"{list((theirs - ours).items())[:3]} are too much")


def unnamed(module):
    """As collapsed stacks call a function whose name nobody knows."""
    return module if module[:1] == "[" or module[:2] == "//" else "[" + module.rsplit("/", 1)[-1] + "]"


# PerfView

def perfview_stacks(root):
    frames = {int(frame.get("ID")): frame.text for frame in root.iter("Frame")}
    stacks = {int(stack.get("ID")): (int(stack.get("CallerID")), int(stack.get("FrameID"))) for stack in root.iter("Stack")}
    check(len(set(frames.values())) == len(frames), "a frame's name is there twice")
    check(sorted(frames) == list(range(len(frames))) and sorted(stacks) == list(range(len(stacks))), "ids have gaps")
    folded, times = collections.Counter(), []
    for sample in root.iter("Sample"):
        names, at = [], int(sample.get("StackID"))
        while at != -1:
            parent, frame = stacks[at]
            check(parent < at, "a stack comes before its caller")
            names.append(frames[frame])
            at = parent
        names.reverse()
        check(names[0].startswith("Process64 "), "no process is outermost: " + names[0])
        comm = re.fullmatch(r"Thread \(\d+\) \((.*)\)", names[1])[1]
        calls = [name.split("!", 1) for name in names[2:] if not name.startswith("Event ")]
        folded[(comm, *(unnamed(module) if name == "?" else name for module, name in calls))] += \
            float(sample.get("Metric", 1))
        times.append(float(sample.get("Time")))
    check(times == sorted(times), "samples are out of order")
    return folded


def check_perfview(folder, world, ours):
    path = write(folder, "perfview", world, ".PerfView.xml")
    compare(f"PerfView XML, {world}", ours, perfview_stacks(ElementTree.parse(path).getroot()))
    if shutil.which("xmllint"):
        done = subprocess.run(["xmllint", "--huge", "--noout", path], capture_output=True, text=True, timeout=60)
        check(done.returncode == 0, f"xmllint, {world}: {done.stderr[:300]}")
    zipped = write(folder, "perfview-zip", world, ".PerfView.xml.zip")
    with zipfile.ZipFile(zipped) as archive:
        check(archive.testzip() is None, "an entry is damaged")
        names = archive.namelist()
        check(len(names) == 1 and names[0].endswith(".xml"), f"PerfView wants exactly one entry: {names}")
        with open(path, "rb") as plain:
            check(archive.read(names[0]) == plain.read(), "the archive has another text")
    if shutil.which("unzip"):
        check(subprocess.run(["unzip", "-tqq", zipped], timeout=60).returncode == 0, f"unzip refuses {world}")


# Firefox Profiler

def check_column(table, name, most, where, is_optional=True):
    for value in table[name]:
        if not ((value is None and is_optional) or 0 <= value < most):
            check(False, f"{where}: {name} has {value} of {most}")
            return


def check_tables(thread, libs):
    where = thread["name"][:40]
    for name in ("samples", "markers", "stackTable", "frameTable", "funcTable", "resourceTable", "nativeSymbols"):
        table = thread[name]
        for column, values in table.items():
            if isinstance(values, list):
                check(len(values) == table["length"], f"{where}: {name}.{column} has another length")
    texts = len(thread["stringArray"])
    stacks = thread["stackTable"]
    check_column(stacks, "frame", thread["frameTable"]["length"], where, False)
    check(all(prefix is None or 0 <= prefix < i for i, prefix in enumerate(stacks["prefix"])),
          f"{where}: a stack comes before its prefix")
    check_column(thread["samples"], "stack", stacks["length"], where)
    check_column(thread["frameTable"], "func", thread["funcTable"]["length"], where, False)
    check_column(thread["frameTable"], "category", 3, where, False)
    check_column(thread["funcTable"], "name", texts, where, False)
    check_column(thread["funcTable"], "fileName", texts, where)
    check_column(thread["funcTable"], "resource", thread["resourceTable"]["length"], where, False)
    check_column(thread["resourceTable"], "lib", libs, where)
    check_column(thread["resourceTable"], "name", texts, where, False)
    check_column(thread["markers"], "name", texts, where, False)
    check(thread["samples"]["time"] == sorted(thread["samples"]["time"]), f"{where}: samples are out of order")


def firefox_stacks(profile):
    folded = collections.Counter()
    types = {schema["name"] for schema in profile["meta"]["markerSchema"]}
    for thread in profile["threads"]:
        check(isinstance(thread["pid"], str), "a pid is no text")
        check_tables(thread, len(profile["libs"]))
        check(all(data["type"] in types for data in thread["markers"]["data"]), "a marker has no schema")
        text, funcs = thread["stringArray"], thread["funcTable"]
        frames = [text[funcs["name"][func]] for func in thread["frameTable"]["func"]]
        stacks = []
        for prefix, frame in zip(thread["stackTable"]["prefix"], thread["stackTable"]["frame"]):
            stacks.append((() if prefix is None else stacks[prefix]) + (frames[frame],))
        weights = thread["samples"]["weight"] or [1] * thread["samples"]["length"]
        for stack, weight in zip(thread["samples"]["stack"], weights):
            folded[(thread["name"],) + (() if stack is None else stacks[stack])] += weight
    return folded


def check_firefox(folder, world, ours):
    with open(write(folder, "firefox", world, ".firefox.json"), encoding="utf-8") as file:
        profile = json.load(file)
    check(profile["meta"]["preprocessedProfileVersion"] == 55, "it has another version")
    check(len(profile["threads"]) > 0, "the reader opens no profile without threads")
    compare(f"Firefox, {world}", ours, firefox_stacks(profile))
    if world == "web":
        check([m for t in profile["threads"] for m in t["markers"]["data"]][0]["path"] == "/index.html", "a span lost a label")
        losses = [s for s in profile["meta"]["extra"] if s["label"] == "Lost records"][0]["entries"]
        check([(e["label"], e["value"]) for e in losses] == [("CPU 2 (cycles)", 17)], f"losses: {losses}")


def profiler_cli():
    """The command of the Firefox Profiler for terminals; None, and a word about it, where it cannot be had."""
    home = os.path.join(BUILD, "npm")
    program = os.path.join(home, "node_modules", ".bin", "profiler-cli")
    if not os.path.exists(program) and shutil.which("npm"):
        os.makedirs(home, exist_ok=True)
        try:
            subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", home, PROFILER_CLI],
                           timeout=60, capture_output=True)
        except subprocess.TimeoutExpired:
            pass
    if os.path.exists(program) and shutil.which("node"):
        return ["node", program]
    print("skipped: profiler-cli (no node here, or npm does not reach its registry)")
    return None


class Profiler:
    """The reader's own process for one profile. Its command starts one and asks it, in half a second or not at all, and a node a
    question; so this asks it directly: a line of JSON there, a line of JSON back, through its socket."""

    def __init__(self, program, folder, world):
        self.world, self.until = world, time.monotonic() + 120
        self.about = os.path.join(folder, "sessions", world + ".json")
        env = dict(os.environ, PROFILER_CLI_SESSION_DIR=os.path.dirname(self.about), PROFILER_CLI_NO_SYMBOLICATE="1")
        self.job = subprocess.Popen([*program, "--daemon", os.path.join(folder, world + ".firefox.json"), "--session", world],
                                    env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.lines = None

    def open(self):
        """Whether it opened the profile, and what it said. A stack table in a bad order makes it spin, so there is a limit."""
        while not os.path.exists(self.about):
            if self.job.poll() is not None or time.monotonic() > self.until:
                return False, f"it ended or did not begin: {self.job.poll()}"
            time.sleep(0.02)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(120)
        with open(self.about, encoding="utf-8") as file:
            self.socket.connect(json.load(file)["socketPath"])
        self.lines = self.socket.makefile("rw", encoding="utf-8")
        answer = self.ask({"type": "status"})
        while answer["type"] == "loading" and time.monotonic() < self.until:
            time.sleep(0.02)
            answer = self.ask({"type": "status"})
        return answer["type"] == "ready", str(answer)

    def ask(self, question):
        self.lines.write(json.dumps(question) + "\n")
        self.lines.flush()
        return json.loads(self.lines.readline())

    def command(self, **words):
        answer = self.ask({"type": "command", "command": words})
        check(answer["type"] == "success", f"profiler-cli {words}: {str(answer)[:300]}")
        return answer.get("result", {})

    def close(self):
        self.job.kill()
        self.job.communicate()
        if self.lines:
            self.lines.close()
            self.socket.close()


def check_profiler_cli(folder, ours):
    program = profiler_cli()
    if program is None:
        return
    os.mkdir(os.path.join(folder, "sessions"))
    profilers = [Profiler(program, folder, world) for world in ("empty", "hostile", "web")]
    try:
        opened = [profiler.open() for profiler in profilers]
        for profiler, (is_open, said) in zip(profilers, opened):
            check(is_open, f"profiler-cli refuses {profiler.world}: {said[:300]}")
        if opened[-1][0]:
            check_profiler_totals(profilers[-1], ours)
    finally:
        for profiler in profilers:
            profiler.close()


def check_profiler_totals(web, ours):
    info = web.command(command="profile", subcommand="info", all=True)
    check(info["threadCount"] == 3, f"profile info shows other threads: {info}")
    totals = collections.Counter()
    for thread in ("t-0", "t-1", "t-2"):
        samples = web.command(command="thread", subcommand="samples", thread=thread, includeIdle=True)
        for function in samples["topFunctionsByTotal"]:
            totals[function["name"].split("!", 1)[-1]] += function["totalSamples"]
    expected = collections.Counter()
    for stack, count in ours.items():
        for name in set(stack[1:]):
            expected[name] += count
    check(totals == expected, f"profiler-cli: {totals} instead of {expected}")


# Perfetto

def parse_text_format(lines):
    """What `protoc --decode` prints, as a dict of lists."""
    message = collections.defaultdict(list)
    for line in lines:
        line = line.strip()
        if line == "}":
            break
        check(not line[:1].isdigit(), f"a field that the schema lacks: {line}")
        if line.endswith("{"):
            message[line[:-1].strip()].append(parse_text_format(lines))
        else:
            name, value = line.split(": ", 1)
            message[name].append(ast.literal_eval("b" + value).decode("utf-8") if name not in ("str",) and value[0] == '"'
                                 else ast.literal_eval("b" + value) if value[0] == '"' else float(value)
                                 if "." in value or "e" in value or "n" in value else int(value))
    return message


def only(message, name, default=None):
    return message[name][0] if message[name] else default


def perfetto_stacks(packets, threads):
    """Follows the rules of sequences: what was told before its state was cleared does not count."""
    folded, lost = collections.Counter(), 0
    states = {}
    for packet in packets:
        sequence, flags = only(packet, "trusted_packet_sequence_id"), only(packet, "sequence_flags", 0)
        if flags & 1:
            states[sequence] = collections.defaultdict(dict)
        state = states.get(sequence)
        check(state is not None, "a sequence does not begin with a packet that clears its state")
        for table, rows in only(packet, "interned_data", {}).items():
            for row in rows:
                check(only(row, "iid") not in state[table] and only(row, "iid", 0) != 0, f"{table}: an id is used twice")
                state[table][only(row, "iid")] = row
        sample = only(packet, "perf_sample")
        if sample is None:
            continue
        lost += only(sample, "kernel_records_lost", 0)
        if sample["kernel_records_lost"]:
            continue
        check(flags & 2, "a sample does not say that it needs its sequence's state")
        names = []
        if sample["callstack_iid"]:
            for iid in state["callstacks"][only(sample, "callstack_iid")]["frame_ids"]:
                if iid not in state["named"]:
                    frame = state["frames"][iid]
                    mapping = state["mappings"][only(frame, "mapping_id")]
                    check(only(mapping, "path_string_ids") in state["mapping_paths"], "a mapping has no path")
                    state["named"][iid] = only(state["function_names"][only(frame, "function_name_id")], "str").decode("utf-8")
                names.append(state["named"][iid])
        cpu, count = only(sample, "cpu"), only(sample, "timebase_count")
        weight = count - state["counts"].get(cpu, 0)
        state["counts"][cpu] = count
        folded[(threads.get(only(sample, "tid"), "?"), *names)] += weight
    return folded, lost


def check_slices(packets):
    open_slices, seen = collections.defaultdict(list), []
    tracks = {only(packet["track_descriptor"][0], "uuid") for packet in packets if packet["track_descriptor"]}
    for packet in packets:
        event = only(packet, "track_event")
        if event is None:
            continue
        track, time = only(event, "track_uuid"), only(packet, "timestamp")
        check(track in tracks, "a slice has no track")
        if only(event, "type") == 1:
            open_slices[track].append((only(event, "name"), time))
        else:
            name, begin = open_slices[track].pop()
            seen.append((name, begin, time))
    check(not any(open_slices.values()), "a slice does not end")
    return seen


def check_perfetto(folder, world, ours):
    path = write(folder, "perfetto", world, ".pftrace")
    with open(path, "rb") as file:
        done = subprocess.run(["protoc", "--decode", "perfetto.protos.Trace", "-I", os.path.join(ROOT, "tests", "verify"),
                               "perfetto_trace.proto"], stdin=file, capture_output=True, text=True, timeout=60)
    check(done.returncode == 0, f"protoc, {world}: {done.stderr[:300]}")
    packets = parse_text_format(iter(done.stdout.split("\n")[:-1] + ["}"]))["packet"]
    threads = {only(thread, "tid"): only(thread, "name", "") for packet in packets for tree in packet["process_tree"]
               for thread in tree["threads"]}
    stacks, lost = perfetto_stacks(packets, threads)
    compare(f"Perfetto, {world}", ours, stacks)
    slices = check_slices(packets)
    if world == "web":
        check(lost == 17, f"{lost} lost")
        second = 1_000_000_000
        check(sorted(slices) == [("GET /index.html", second + 1_000_000, second + 9_000_000),
                                 ("across", second + 3_000_000, second + 12_000_000),
                                 ("parse", second + 2_000_000, second + 4_000_000)], f"slices: {slices}")
        check({clock["clock_id"][0] for clock in packets[0]["clock_snapshot"][0]["clocks"]} == {1, 3, 6}, "clocks are missing")


def main():
    has_protoc = shutil.which("protoc") is not None
    if not has_protoc:
        print("skipped: Perfetto (there is no protoc here)")
    with tempfile.TemporaryDirectory() as folder:
        for world in WORLDS:
            ours = collapsed(folder, world)
            check_perfview(folder, world, ours)
            check_firefox(folder, world, ours)
            if has_protoc:
                check_perfetto(folder, world, ours)
        check_profiler_cli(folder, collapsed(tempfile.mkdtemp(dir=folder), "web"))
    if failures:
        sys.exit(f"{len(failures)} checks failed")


main()
