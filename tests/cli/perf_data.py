"""Writes small perf.data files: cpu-clock samples, names, begin and end of threads, at known times.

    | header 104 | ids | attr, section of ids | records |      linux/perf_event.h; perf.data-file-format.txt
"""
import struct

ATTR_BYTES = 128  # PERF_ATTR_SIZE_VER7: what perf 6.1 reads
SAMPLE_TYPE = 1 << 16 | 1 << 0 | 1 << 1 | 1 << 2 | 1 << 7 | 1 << 8  # IDENTIFIER IP TID TIME CPU PERIOD
SAMPLE_ID_ALL, COMM, TASK, COMM_EXEC, CONTEXT_SWITCH = 1 << 18, 1 << 9, 1 << 13, 1 << 24, 1 << 26
MISC_SWITCH_OUT = 1 << 13
MISC_COMM_EXEC = 1 << 13
CPU_CLOCK_ID = 7
START_NS = 1_000_000_000


def _record(kind, body, misc=2):
    return struct.pack("<IHH", kind, misc, 8 + len(body)) + body


def sample(time_ns, pid, cpu=0, ip=0x1000, tid=None):
    return _record(9, struct.pack("<QQIIQIIQ", CPU_CLOCK_ID, ip, pid, pid if tid is None else tid, time_ns, cpu, 0, 1))


def _trailer(time_ns, pid, tid):
    return struct.pack("<IIQIIQ", pid, tid, time_ns, 0, 0, CPU_CLOCK_ID)


def comm(time_ns, pid, name, is_exec=False, tid=None):
    tid = pid if tid is None else tid
    text = name.encode() + b"\0"
    text += b"\0" * (-len(text) % 8)
    return _record(3, struct.pack("<II", pid, tid) + text + _trailer(time_ns, pid, tid),
                   2 | (MISC_COMM_EXEC if is_exec else 0))


def fork(time_ns, parent, pid, tid=None):
    """A process `pid` of `parent`, or with parent == pid its thread `tid`."""
    tid = pid if tid is None else tid
    body = struct.pack("<IIIIQ", pid, parent, tid, parent, time_ns)
    return _record(7, body + _trailer(time_ns, parent, parent))


def exit_of(time_ns, pid, tid=None):
    tid = pid if tid is None else tid
    return _record(4, struct.pack("<IIIIQ", pid, 1, tid, 1, time_ns) + _trailer(time_ns, pid, tid))


def switch_out(time_ns, tid, next_tid):
    return _record(15, struct.pack("<II", next_tid, next_tid) + _trailer(time_ns, tid, tid), MISC_SWITCH_OUT)


def lost(time_ns, count, cpu=0):
    return _record(2, struct.pack("<QQ", CPU_CLOCK_ID, count) + struct.pack("<IIQIIQ", 0, 0, time_ns, cpu, 0, CPU_CLOCK_ID))


def lost_in_all(count, cpu=None):
    """What the event lost, as told at the end: of a CPU as oc writes it, or of all CPUs as perf does."""
    where = struct.pack("<iiQII", 0 if cpu is None else -1, 0 if cpu is None else -1, 0, cpu or 0, 0)
    return _record(13, struct.pack("<Q", count) + where + struct.pack("<Q", CPU_CLOCK_ID), 0)


def finished_round():
    return _record(68, b"", 0)


def file_of(records, has_switches=False):
    """The bytes of a file that holds `records` (bytes each) of one cpu-clock event, with SWITCH records among them."""
    data = b"".join(records)
    attr = struct.pack("<IIQQQQQ", 1, ATTR_BYTES, 0, 1_000_000, SAMPLE_TYPE, 0,
                       SAMPLE_ID_ALL | COMM | TASK | COMM_EXEC | (CONTEXT_SWITCH if has_switches else 0))
    attr += b"\0" * (ATTR_BYTES - len(attr))
    ids_at, attr_at = 104, 112
    attr += struct.pack("<QQ", ids_at, 8)
    data_at = attr_at + len(attr)
    header = b"PERFILE2" + struct.pack("<QQ", 104, len(attr))
    header += struct.pack("<QQQQQQ", attr_at, len(attr), data_at, len(data), 0, 0) + b"\0" * 32
    return header + struct.pack("<Q", CPU_CLOCK_ID) + attr + data


def trace(samples, step_ns=1_000_000):
    """`samples` samples of thread 10 "busy", one each `step_ns`."""
    records = [comm(START_NS, 10, "busy")]
    records += [sample(START_NS + i * step_ns, 10) for i in range(samples)]
    return file_of(records)
