#!/usr/bin/python3
"""Counts, order and losses of recorded traces, oc against perf: counts_test.py

For our fixtures and every perf.data of the corpus: samples by event, comm, pid, tid and cpu, every sample in
order with its exact time, kernel records by kind, losses. Equal, or listed below with the reason: what is
listed is checked too, so an expected difference that goes away fails as a new one does.
"""
import collections
import os
import re
import sys

import perf_text

# Read by perf 6.1.
CORPUS = {
    "autofdo/ro_sample.perf": "no CPU field, cycles:u",
    "hotspot/integrationtests/file_content/perf.data.true.v1": "PERFFILE magic; no samples",
    "hotspot/integrationtests/file_content/perf.data.true.v2": "one sample; clock beyond 2^53 ns",
    "perfparser/probe.data.file": "a dynamic probe with its format",
    "perfparser/vector_static_gcc/perf.data": "user stacks; four rounds",
    "perfparser/vector_static_gcc/perf.lbr.data": "branch stacks",
    "perfparser/contentsize.data": "pipe mode, user stacks",
    "perfparser/vector_static_gcc/perf.data.zstd": "compressed",
    "quipper/converter/single-event-multi-process.perf.data": "20,000 samples",
    "quipper/perf.data.armv7-3.4": "ARM, attr of 80 bytes, several events, whole system",
    "quipper/perf.data.armv7.perf_3.14-3.8": "ARM, attr of 96 bytes, whole system",
    "quipper/perf.data.branch-4.14": "cycles:ppp, branch stacks",
    "quipper/perf.data.branch_stack_spec": "THROTTLE and UNTHROTTLE; KSYMBOL",
    "quipper/perf.data.callgraph-3.8": "call chains, threads of a browser",
    "quipper/perf.data.callgraph_and_branch-3.4": "call chains and branch stacks, system wide",
    "quipper/perf.data.group_desc-4.14": "a group of two",
    "quipper/perf.data.hybrid_topology": "PMU event names with slashes",
    "quipper/perf.data.intel_pt-4.14": "AUX data, ITRACE_START, SWITCH_CPU_WIDE",
    "quipper/perf.data.lost_samples-4.4": "LOST_SAMPLES of the kernel",
    "quipper/perf.data.piped.ctx_switch_namespaces-4.14": "pipe mode, NAMESPACES, SWITCH",
    "quipper/perf.data.piped.header_features-4.16": "pipe mode, features as records",
    "quipper/perf.data.piped.lost_samples-4.4": "pipe mode, three attrs",
    "quipper/perf.data.piped.no_attr_ids-4.14": "pipe mode, an attr without ids",
    "quipper/perf.data.piped.target-3.4": "pipe mode, no rounds",
    "quipper/perf.data.piped.target.throttled-3.4": "pipe mode, THROTTLE",
    "quipper/perf.data.proc.map.timeout-3.18": "no PERIOD; 624 mappings",
    "quipper/perf.data.raw-3.4": "RAW of a hardware event, 2,300 records",
    "quipper/perf.data.remmap-3.2": "attr of 80 bytes, FORK",
    "quipper/perf.data.singleprocess-3.8": "one process",
    "quipper/perf.data.weight_struct": "WEIGHT_STRUCT",
    "simpleperf/scripts/test/script_testdata/runtest_two_functions_arm64_perf.data": "never named thread",
    "simpleperf/scripts/test/script_testdata/two_process_perf.data": "THROTTLE and UNTHROTTLE, FORK",
    "simpleperf/testdata/perf.data": "no rounds, no EVENT_DESC",
    "simpleperf/testdata/perf_b.data": "LOST",
    "simpleperf/testdata/perf_merge1.data": "aarch64",
    "simpleperf/testdata/perf_need_proguard_mapping.data": "never named thread",
    "simpleperf/testdata/perf_unwind_embedded_lib_in_apk.data": "THROTTLE",
    "simpleperf/testdata/perf_with_add_counter.data": "READ of a group",
    "simpleperf/testdata/perf_with_arm_regs.data": "registers",
    "simpleperf/testdata/perf_with_ip_zero_in_callchain.data": "a file of one record",
    "simpleperf/testdata/perf_with_jit_symbol.data": "1,600 mappings",
    "simpleperf/testdata/perf_with_kernel_symbols_available_true.data": "16 threads by FORK",
    "simpleperf/testdata/perf_with_mini_debug_info.data": "one process",
    "simpleperf/testdata/perf_with_multiple_pids_and_tids.data": "threads by FORK and EXIT",
    "simpleperf/testdata/perf_with_symbols.data": "one process",
    "simpleperf/testdata/perf_with_two_event_types.data": "two events",
}

# Not read by perf 6.1, but by 7.2: compared with what the corpus' manifests say that perf 7.2 found. By
# file: why perf 6.1 cannot.
BY_MANIFEST = {
    "linux-perf-data/fibo.compressed2.pipe.data": "COMPRESSED2 records",
    "linux-perf-data/sleep.compressed.data": "attrs of 136 bytes",
    "linux-perf-data/sleep.data": "attrs of 136 bytes",
    "perfparser/cpp-inlining/cpp-inlining.perf.data": "attrs of 136 bytes",
    "quipper/perf.data.piped.intel_pt-4.14": "AUX data in a stream",
    "simpleperf/testdata/lbr/perf_lbr.data": "attrs of 136 bytes",
    "simpleperf/testdata/perf_with_callchain_record.data": "simpleperf's records",
}

# Read by no perf. The samples by event, as a walk over the records' ids counts them, and what oc says.
BY_NOBODY = {
    "quipper/perf.data.piped.corrupted.zero_size_sample-3.2": ({}, r"impossible size at offset 0xbfd0"),
    "simpleperf/testdata/perf_with_trace_offcpu.data": ({"cycles:HG": 2270, "sched:sched_switch": 99}, "LOST 191"),
    "simpleperf/testdata/perf_with_tracepoint_event.data": ({"cycles:HG": 14, "sched:sched_switch": 31}, ""),
    "simpleperf/testdata/perf_with_tracepoint_event_dynamic_field.data": ({"kprobes:myopen": 10}, ""),
}

# Refused, and what oc says to do.
REFUSED = {
    "hotspot/integrationtests/file_content/perf.data.broken.gz": r"gunzip|archive without a trace",
    "hotspot/integrationtests/file_content/perf.data.true.v2.gz": r"gunzip",
    "simpleperf/testdata/invalid_perf.data": r"oc record",
}

# perf turns the READ of a group into one sample for each member that advanced (deliver_sample_group
# in tools/perf/util/session.c). oc delivers what the kernel wrote: one sample, of the event that overflowed.
# By file: the samples that perf makes up, by event.
GROUP_MEMBERS = {
    "group.data": {"page-faults": 2},
    "simpleperf/testdata/perf_with_add_counter.data": {"instructions:HG": 12},
}

# perf's names of the record kinds that are events in oc.
RECORD_NAMES = {"exec": "COMM", "switch_in": "SWITCH", "switch_out": "SWITCH",
                "switch_in_wide": "SWITCH_CPU_WIDE", "switch_out_wide": "SWITCH_CPU_WIDE"}
RECORDS = ("COMM", "FORK", "EXIT", "MMAP", "MMAP2", "LOST", "LOST_SAMPLES", "SWITCH", "SWITCH_CPU_WIDE",
           "THROTTLE", "UNTHROTTLE", "CGROUP", "NAMESPACES", "KSYMBOL", "BPF_EVENT", "TEXT_POKE", "AUX",
           "ITRACE_START")
MAGICS = (b"PERFILE2", b"PERFFILE", b"2ELIFREP")


def without_group_members(name, samples):
    """perf's samples without the made-up ones, and how many of those there were by event."""
    expected = GROUP_MEMBERS.get(name, {})
    kept = [sample for sample in samples if sample.event not in expected]
    return kept, dict(collections.Counter(s.event for s in samples if s.event in expected))


def since_first(samples):
    """Samples with times since the first of them that has one: both programs agree on no zero."""
    first = next((sample.time for sample in samples if sample.time), 0)
    return [sample._replace(time=sample.time - first if sample.time else 0) for sample in samples]


def check_samples(name, expected, samples, counts):
    expected, made_up = without_group_members(name, expected)
    if made_up != GROUP_MEMBERS.get(name, {}):
        yield f"perf made up {made_up} from groups, expected {GROUP_MEMBERS.get(name, {})}"
    has_cpu = all(sample.cpu >= 0 for sample in expected)
    # A time of 0 is "none" in perf's list; in oc's it is also the session's first instant.
    has_time = any(sample.time for sample in expected)
    if has_time:
        samples = [sample._replace(time=sample.time + 1) for sample in samples]
    if not has_cpu:
        samples = [sample._replace(cpu=-1) for sample in samples]
    for key in ("event", "comm", "pid", "tid", "cpu"):
        of_perf = {str(k): n for k, n in collections.Counter(getattr(s, key) for s in expected).items()}
        of_oc = {str(k): n for k, n in counts[key].items()}
        if key == "cpu" and not has_cpu:
            continue
        if of_perf != of_oc:
            yield f"samples by {key}: perf {of_perf}, oc {of_oc}"
    for at, (theirs, ours) in enumerate(zip(since_first(expected), since_first(samples))):
        if theirs != ours:
            yield f"sample {at}: perf {theirs}, oc {ours}"
            break
    if len(expected) != len(samples):
        yield f"perf has {len(expected)} samples, oc {len(samples)}"


def check_records(theirs, of_oc):
    ours = collections.Counter()
    for record, count in of_oc.items():
        ours[RECORD_NAMES.get(record, record.upper())] += count
    for record in RECORDS:
        if theirs.get(record, 0) != ours[record]:
            yield f"{record} records: perf {theirs.get(record, 0)}, oc {ours[record]}"


def check_losses(path, of_oc, summary):
    """perf's total from read() has what its LOST records tell, and what was lost after the last of them."""
    if not of_oc.get("lost") and not of_oc.get("lost_samples"):
        expected = 0
    else:
        expected = max(perf_text.lost_by_records(path))
    if summary["lost"] != expected:
        yield f"lost: perf {expected}, oc {summary['lost']}"
    if sum(summary["lost_by_cpu"].values()) != expected:
        yield f"lost: perf {expected}, oc by CPU {summary['lost_by_cpu']}"
    for problem in ("malformed", "unknown"):
        if summary[problem]:
            yield f"{summary[problem]} records {problem}"


def in_order(samples):
    """Samples in order of time, without names."""
    return sorted((s._replace(comm="") for s in samples), key=lambda sample: sample.time)


def check(path, has_order=True):
    """The differences. Without order: perf gave up ordering the file, so neither order nor names count."""
    name = perf_text.label(path)
    samples, counts, summary, _ = perf_text.oc_counts(path)
    expected = perf_text.perf_samples(path)
    if not has_order:
        if any(a.time > b.time for a, b in zip(samples, samples[1:])):
            yield "oc's samples are not in order of time"
        samples, expected = in_order(samples), in_order(expected)
        counts["comm"] = {"": len(samples)}
    yield from check_samples(name, expected, samples, counts)
    yield from check_records(perf_text.perf_records(path), counts["records"])
    yield from check_losses(path, counts["records"], summary)


def manifest_row(name):
    """What perf 7.2 found, as the corpus' manifest tells: samples by comm, records by kind."""
    folder, rest = name.split("/", 1)
    with open(os.path.join(perf_text.CORPUS, folder, "MANIFEST.md"), encoding="utf-8") as file:
        row = next(line for line in file if line.startswith(f"| {rest} |"))
    comms = re.search(r"script lines=\d+: ([^;]*);", row).group(1)
    records = re.search(r"records \d+ \((.*?)\);", row)
    return ({comm: int(count) for comm, count in (pair.rsplit("=", 1) for pair in comms.split(", "))},
            {kind: int(count) for kind, count in
             (pair.split("=") for pair in (records.group(1).split() if records else ()))})


def check_by_manifest(path):
    comms, records = manifest_row(perf_text.label(path))
    samples, counts, summary, _ = perf_text.oc_counts(path)
    if "intel_pt" in path:  # perf made samples up from AUX data: what the kernel wrote is in the records
        comms = {}
    for comm, count in comms.items():
        if counts["comm"].get(comm, 0) != count:
            yield f"samples of {comm}: perf 7.2 {count}, oc {counts['comm'].get(comm, 0)}"
    if records:
        yield from check_records(records, counts["records"])
        if records["SAMPLE"] != len(samples):
            yield f"samples: perf 7.2 {records['SAMPLE']}, oc {len(samples)}"
    if summary["malformed"] or summary["unknown"] or summary["notes"]:
        yield f"a sound file: {summary}"


def check_by_nobody(path):
    expected, says = BY_NOBODY[perf_text.label(path)]
    _, counts, _, err = perf_text.oc_counts(path)
    if counts["event"] != expected:
        yield f"samples: expected {expected}, oc {counts['event']}"
    if not re.search(says, err):
        yield f"not said: {says}: {err}"


def check_refused(path):
    _, err = perf_text.run(perf_text.OC, "eval", "oc.open{}", "-i", path, status=(1,))
    if not re.search(REFUSED[perf_text.label(path)], err):
        yield f"unclear: {err}"


CORPUS_LISTS = ((CORPUS, check), (BY_MANIFEST, check_by_manifest), (BY_NOBODY, check_by_nobody),
                (REFUSED, check_refused))


def forgotten():
    """Traces of the corpus that no list has; those of quipper's fuzzer are replayed by fuzz_perf_data."""
    for folder, _, names in os.walk(perf_text.CORPUS):
        for path in (os.path.join(folder, name) for name in names):
            with open(path, "rb") as file:
                is_trace = file.read(8) in MAGICS
            name = perf_text.label(path)
            if is_trace and not name.startswith("quipper/corpus/") and not any(name in l for l, _ in CORPUS_LISTS):
                yield f"{name} is in no list"


def main():
    perf_text.need_perf()
    jobs = [(perf_text.label(path), check, path) for path in perf_text.fixtures()]
    hows = {name: how for names, how in CORPUS_LISTS for name in names}
    jobs += [(perf_text.label(path), hows[perf_text.label(path)], path) for path in perf_text.corpus_paths(hows)]
    jobs.append(("corpus", forgotten))
    return perf_text.run_checks(jobs, "files compared with perf")


if __name__ == "__main__":
    sys.exit(main())
