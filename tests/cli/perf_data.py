"""Writes small perf.data files: cpu-clock samples and names of threads, at known times.

    | header 104 | ids | attr, section of ids | records |      linux/perf_event.h; perf.data-file-format.txt
"""
import struct

ATTR_BYTES = 128  # PERF_ATTR_SIZE_VER7: what perf 6.1 reads
SAMPLE_TYPE = 1 << 16 | 1 << 0 | 1 << 1 | 1 << 2 | 1 << 7 | 1 << 8  # IDENTIFIER IP TID TIME CPU PERIOD
SAMPLE_ID_ALL, COMM = 1 << 18, 1 << 9
CPU_CLOCK_ID = 7
START_NS = 1_000_000_000


def _record(kind, body, misc=2):
    return struct.pack("<IHH", kind, misc, 8 + len(body)) + body


def sample(time_ns, pid, cpu=0, ip=0x1000):
    return _record(9, struct.pack("<QQIIQIIQ", CPU_CLOCK_ID, ip, pid, pid, time_ns, cpu, 0, 1))


def comm(time_ns, pid, name):
    text = name.encode() + b"\0"
    text += b"\0" * (-len(text) % 8)
    trailer = struct.pack("<IIQIIQ", pid, pid, time_ns, 0, 0, CPU_CLOCK_ID)
    return _record(3, struct.pack("<II", pid, pid) + text + trailer)


def file_of(records):
    """The bytes of a file that holds `records` (bytes each) of one cpu-clock event."""
    data = b"".join(records)
    attr = struct.pack("<IIQQQQQ", 1, ATTR_BYTES, 0, 1_000_000, SAMPLE_TYPE, 0, SAMPLE_ID_ALL | COMM)
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
