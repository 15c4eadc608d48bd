#!/usr/bin/python3
"""Field by field against quipper: quipper_test.py

The corpus has quipper's own parse of some of its recordings (PerfDataProto as text): attrs, every record with its
fields and its id trailer, build ids, what the header tells. oc must tell the same. Where it does not, the
difference is in a list below with its reason, and is checked too: one that goes away fails.
"""
import gzip
import os
import re
import sys

import perf_text

FILES = ("armv7-3.4", "branch-4.14", "callgraph-3.8", "group_desc-4.14", "hybrid_topology", "intel_pt-4.14",
         "lost_samples-4.4", "piped.target-3.4", "raw-3.4", "remmap-3.2")
SHOW_ATTRS = os.environ.get("OC_SHOW_ATTRS") or os.path.join(os.path.dirname(perf_text.OC), "tests", "verify",
                                                            "show_attrs")

# What perf writes for itself: it is no event in oc. TIME_CONV, AUXTRACE_INFO, AUXTRACE, THREAD_MAP,
# FINISHED_ROUND.
OF_PERF = {"79", "70", "71", "73", "68"}
# What quipper alone makes of a recording:
# Mappings of one file that huge pages split, "//anon" the second, become one (huge_page_deducer.h). How many.
JOINED = {"callgraph-3.8": 3, "raw-3.4": 3}
# An address of a call chain that lies in no mapping of its process gets bit 63 (perf_parser.cc); the file does
# not have it. How many.
MARKED = {"callgraph-3.8": 4408}
MARK = 1 << 63

# Messages of the header that no script can ask oc for: nobody needed them yet.
NOT_TOLD = {"cpu_topology", "numa_topology", "pmu_mappings", "group_desc", "hybrid_topology"}
# Of quipper's own making, or compared elsewhere.
OF_QUIPPER = {"stats", "timestamp_sec", "metadata_mask", "file_attrs", "event_types", "events"}
FACTS = {"hostname": "name", "kernel_version": "kernel", "perf_version": "recorder", "architecture": "arch",
         "cpu_description": "cpu", "perf_command_line_whole": "command"}
CPU_COUNT, MEMORY = "7", "10"  # the features' numbers
BRANCH_TYPES = ("nil", "cond", "uncond", "ind", "call", "ind_call", "ret", "syscall", "sysret", "cond_call",
                "cond_ret", "eret", "irq", "serror", "no_tx")


def parse(text):
    """Messages as dicts of lists by field name; scalars as text."""
    stack = [{}]
    for line in text.split("\n"):
        line = line.lstrip()
        if line.endswith("{"):
            message = {}
            stack[-1].setdefault(line[:-2], []).append(message)
            stack.append(message)
        elif line == "}":
            stack.pop()
        elif line:
            name, value = line.split(": ", 1)
            stack[-1].setdefault(name, []).append(value)
    return stack[0]


ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def text_of(value):
    """A quoted text of the format: its bytes as Latin-1."""
    def char(found):
        word = found.group(1)
        return chr(int(word, 8)) if word.isdigit() else ESCAPES.get(word, word)
    return re.sub(r"\\([0-7]{1,3}|.)", char, value[1:-1])


def shown(text):
    """As truth.lua shows a text."""
    return re.sub(r"[\x00-\x1f\x7f\\\x80-\xff]", lambda found: f"\\x{ord(found.group()):02x}", text)


def hexed(text):
    return text.encode("latin-1").hex()


def signed(word):
    value = int(word)
    return str(value - (1 << 32) if value >= 1 << 31 else value)


def address(word):
    return hex(int(word))


def truth(is_true):
    return "true" if is_true else "false"


def branch(entry):
    def flag(name):
        return entry.get(name, ["false"])[0]
    kind = int(entry.get("type", ["0"])[0])
    return ",".join((address(entry["from_ip"][0]), address(entry["to_ip"][0]), flag("mispredicted"), flag("predicted"),
                     flag("in_transaction"), flag("abort"), entry.get("cycles", ["0"])[0], BRANCH_TYPES[kind]))


# By the field's name in the proto: ours, and how its value reads with us.
SAMPLE = {
    "ip": ("ip", address), "pid": ("pid", signed), "tid": ("tid", signed), "sample_time_ns": ("time", str),
    "id": ("id", str), "addr": ("addr", address), "stream_id": ("stream_id", str), "cpu": ("cpu", str),
    "period": ("period", str), "raw": ("raw", lambda value: hexed(text_of(value))), "weight": ("weight", str),
    "data_src": ("data_src", address), "transaction": ("transaction", str), "physical_addr": ("phys_addr", address),
    "cgroup": ("cgroup_id", str), "data_page_size": ("data_page_size", str),
    "code_page_size": ("code_page_size", str),
}
TASK = {name: ("args." + name, signed) for name in ("pid", "ppid", "tid", "ptid")}
RECORDS = {
    "mmap_event": dict({name: ("args." + name, str) for name in ("len", "maj", "min", "ino", "ino_generation", "prot",
                                                                 "flags")},
                       start=("args.addr", address), pgoff=("args.pgoff", address), **TASK,
                       filename=("args.filename", lambda value: shown(text_of(value)))),
    "comm_event": dict(TASK, comm=("args.comm", lambda value: shown(text_of(value)))),
    "fork_event": dict(TASK, fork_time_ns=("args.time", str)),
    "exit_event": dict(TASK, fork_time_ns=("args.time", str)),
    "lost_samples_event": {"num_lost": ("args.lost", str)},
    "itrace_start_event": TASK,
    "aux_event": {"aux_offset": ("args.aux_offset", str), "aux_size": ("args.aux_size", str)},
    "context_switch_event": {"next_prev_pid": ("args.next_pid", signed), "next_prev_tid": ("args.next_tid", signed)},
}
NAMES = {"1": "mmap", "3": "comm", "4": "exit", "7": "fork", "10": "mmap2", "11": "aux", "12": "itrace_start",
         "13": "lost_samples"}
COMM_EXEC = SWITCH_OUT = 1 << 13
CPU_MODE, KERNEL_MODE = 7, 1


def fields_of(message, table, of):
    row = {}
    for name, values in message.items():
        if name.endswith("_md5_prefix") or name in ("sample_info", "root_path"):
            continue  # quipper's own
        assert name in table, f"{of} has {name}, which is not compared"
        ours, read = table[name]
        row[ours] = read(values[0])
    return row


def sample_row(message, names_by_id, only_name):
    message = dict(message)
    chain, branches = message.pop("callchain", None), message.pop("branch_stack", None)
    for own in ("raw_size", "no_hw_idx", "branch_stack_hw_idx"):
        message.pop(own, None)
    row = fields_of(message, SAMPLE, "a sample")
    row["event"] = names_by_id.get(row.get("id"), only_name)
    if chain:
        row["callchain"] = " ".join(map(address, chain))
    if branches:
        row["branches"] = " ".join(map(branch, branches))
    return row


def record_row(kind, message):
    row = fields_of({name: value for name, value in message.items() if not name.startswith("is_")}, RECORDS[kind],
                    kind)
    if kind == "aux_event":
        bits = ("is_truncated", "is_overwrite", "is_partial")
        row["args.flags"] = str(sum(1 << at for at, name in enumerate(bits) if message[name][0] == "true"))
    if kind == "context_switch_event" and message["is_out"][0] != "true":
        row = {name.replace("next", "prev"): value for name, value in row.items()}
    return row


def trailer_of(message):
    """What a record's id trailer tells; a time of 0 is of what perf made up, which has no place in time."""
    info = message.get("sample_info", [{}])[0]
    time = info.get("sample_time_ns", ["0"])[0]
    if time == "0":
        return {}
    row = {name: signed(info[name][0]) for name in ("pid", "tid", "cpu") if name in info}
    return dict(row, time=time)


def their_rows(proto):
    """(kind, row) of each record."""
    names, names_by_id = [name["name"][0] for name in proto["event_types"]], {}
    for attr, name in zip(proto["file_attrs"], names):
        for number in attr.get("ids", []):
            names_by_id[number] = text_of(name)
    for event in proto["events"]:
        number, misc = event["header"][0]["type"][0], int(event["header"][0]["misc"][0])
        if number in OF_PERF:
            continue
        if number == "9":
            yield "sample", sample_row(event["sample_event"][0], names_by_id, text_of(names[0]))
            continue
        kind = next(name for name in event if name in RECORDS)
        message = event[kind][0]
        row = record_row(kind, message)
        row.update(trailer_of(message))
        name = NAMES.get(number)
        if number == "3" and misc & COMM_EXEC:
            name = "exec"
        if number == "15":
            name = "switch_out_wide" if misc & SWITCH_OUT else "switch_in_wide"
        yield name, row


def our_rows(path):
    script = os.path.join(perf_text.ROOT, "tests", "verify", "truth.lua")
    out, _ = perf_text.run(perf_text.OC, "script", "-q", "-i", path, script)
    for line in out.splitlines():
        kind, *words = line.split("\t")
        yield kind, dict(word.split("=", 1) for word in words)


def like(row, theirs):
    """Our row with the fields alone that theirs has."""
    return {name: row.get(name) for name in theirs}


def end_of(row):
    return int(row["args.addr"], 16) + int(row["args.len"])


def joined(theirs, ours):
    """Our mappings, those in one that quipper has in one; how many."""
    rows, count = [], 0
    for row in ours:
        last, at = rows[-1] if rows else None, len(rows) - 1
        if (last and row["args.filename"] == "//anon" and row["args.pid"] == last["args.pid"]
                and end_of(last) == int(row["args.addr"], 16) and end_of(theirs[at]) == end_of(row)):
            rows[-1] = dict(last, **{"args.len": str(int(last["args.len"]) + int(row["args.len"]))})
            count += 1
        else:
            rows.append(row)
    return rows, count


class Mappings:
    def __init__(self, rows):
        self.by_pid = {}
        for kind, row in rows:
            if kind in ("mmap", "mmap2"):
                self.by_pid.setdefault(row["args.pid"], []).append((int(row["args.addr"], 16), end_of(row)))

    def have(self, pid, at):
        return any(begin <= at < end for begin, end in self.by_pid.get(pid, ()))


def unmarked(theirs, ours, mappings):
    """Their row without the marks that its chain ought to have; how many those are."""
    chain, plain, count = theirs.get("callchain", "").split(), ours.get("callchain", "").split(), 0
    for at, (marked, word) in enumerate(zip(chain, plain)):
        if marked != word and int(marked, 16) == int(word, 16) | MARK and not mappings.have(ours["pid"], int(word, 16)):
            chain[at] = word
            count += 1
    return dict(theirs, callchain=" ".join(chain)) if count else theirs, count


def check_rows(theirs, ours):
    """Row for row: quipper sorts by time, and so does oc."""
    if len(theirs) != len(ours):
        yield f"quipper has {len(theirs)}, oc {len(ours)}"
    for at, (a, b) in enumerate(zip(theirs, ours)):
        if a != like(b, a):
            yield f"{at}: " + ", ".join(f"{n}: quipper {v}, oc {b.get(n)}" for n, v in a.items() if b.get(n) != v)
            return


def check_records(name, theirs, ours):
    mappings = Mappings(ours)
    for kind in sorted({k for k, _ in theirs} | {k for k, _ in ours}):
        expected = [row for k, row in theirs if k == kind]
        got = [row for k, row in ours if k == kind]
        if kind == "mmap":
            got, count = joined(expected, got)
            if count != JOINED.get(name, 0):
                yield f"quipper joined {count} mappings, expected {JOINED.get(name, 0)}"
        if kind == "sample":
            plain = [unmarked(a, b, mappings) for a, b in zip(expected, got)] if len(expected) == len(got) else []
            expected, count = [row for row, _ in plain] or expected, sum(n for _, n in plain)
            if count != MARKED.get(name, 0):
                yield f"quipper marked {count} addresses, expected {MARKED.get(name, 0)}"
        for problem in check_rows(expected, got):
            yield f"{kind}: {problem}"


def check_attrs(path, proto):
    out, _ = perf_text.run(SHOW_ATTRS, path)
    ours = [line.split("\t") for line in out.splitlines()]
    if len(ours) != len(proto["file_attrs"]):
        yield f"attrs: quipper has {len(proto['file_attrs'])}, oc {len(ours)}"
    for entry, kind, (name, ids, *fields) in zip(proto["file_attrs"], proto["event_types"], ours):
        if name != text_of(kind["name"][0]):
            yield f"event {name}: quipper calls it {kind['name'][0]}"
        if sorted(filter(None, ids.split(",")), key=int) != sorted(entry.get("ids", []), key=int):
            yield f"ids of {name}: quipper {entry.get('ids')}, oc {ids}"
        got = dict(field.split("=") for field in fields)
        for field, values in entry["attr"][0].items():
            if field != "size" and got.get(field) != values[0]:  # the size in the file; oc's is its kernel's
                yield f"attr of {name}: {field}: quipper {values[0]}, oc {got.get(field)}"


def their_facts(proto):
    strings = proto.get("string_metadata", [{}])[0]
    facts = {ours: shown(text_of(strings[name][0]["value"][0])) for name, ours in FACTS.items() if name in strings}
    facts = {name: value for name, value in facts.items() if value}  # perf may not know its version
    for each in proto.get("uint32_metadata", []):
        if each["type"][0] == CPU_COUNT:
            facts["cpus_available"], facts["cpus_online"] = each["data"]
    for each in proto.get("uint64_metadata", []):
        if each["type"][0] == MEMORY:
            facts["memory_bytes"] = str(int(each["data"][0]) * 1024)
    return facts


def check_header(proto, ours):
    facts = {}
    for kind, row in ours:
        if kind == "fact":
            facts.update(row)
    expected = their_facts(proto)
    if expected != like(facts, expected):
        yield f"facts: quipper {expected}, oc {like(facts, expected)}"
    builds = [{"id": hexed(text_of(b["build_id_hash"][0])), "path": shown(text_of(b["filename"][0])),
               "pid": signed(b["pid"][0]), "kernel": truth(int(b["misc"][0]) & CPU_MODE == KERNEL_MODE)}
              for b in proto.get("build_ids", [])]
    for problem in check_rows(builds, [row for kind, row in ours if kind == "build_id"]):
        yield f"build ids: {problem}"
    known = NOT_TOLD | OF_QUIPPER | {"string_metadata", "uint32_metadata", "uint64_metadata", "build_ids"}
    for name in set(proto) - known:
        yield f"{name} is not compared"


def check(name, path):
    with gzip.open(path + ".pb_text.gz", "rt", encoding="latin-1") as file:
        proto = parse(file.read())
    ours = list(our_rows(path))
    of_header = ("fact", "build_id")
    yield from check_attrs(path, proto)
    yield from check_header(proto, ours)
    yield from check_records(name, list(their_rows(proto)), [row for row in ours if row[0] not in of_header])


def main():
    if not os.path.isdir(perf_text.CORPUS):
        perf_text.skip(f"there is no corpus at {perf_text.CORPUS} (set OC_CORPUS)")
    folder = os.path.join(perf_text.CORPUS, "quipper")
    return perf_text.run_checks([(name, check, name, os.path.join(folder, "perf.data." + name)) for name in FILES],
                                "recordings compared with quipper, field by field")


if __name__ == "__main__":
    sys.exit(main())
