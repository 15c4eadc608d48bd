"""A trace of random records of one tracepoint with fields of every kind, random filters over them, and
what these mean: an evaluator that shares no line with oc's (Python's integers, its `re` for globs).
"""
import random
import re
import struct

EVENT_ID, SAMPLE_ID = 77, 5
SAMPLE_TYPE = 1 << 16 | 1 << 0 | 1 << 1 | 1 << 2 | 1 << 7 | 1 << 8 | 1 << 10  # as attr_builder.h
START_NS = 1_000_000_000

# Name, C declaration, struct code, signed; offsets follow from the order.
INTEGERS = [("s8f", "signed char s8f", "b"), ("u8f", "u8 u8f", "B"), ("s16f", "short s16f", "h"),
            ("u16f", "u16 u16f", "H"), ("s32f", "int s32f", "i"), ("u32f", "u32 u32f", "I"),
            ("s64f", "long s64f", "q"), ("u64f", "u64 u64f", "Q"), ("ptr", "void * ptr", "Q")]
SYMBOLS = {"HI": 0, "TIMER": 1, "NET": 8}
NAMES = ["nginx", "nginx: worker", "sh", "kworker/0:1", "a*b", "x", "fifteen_letters"]


def _layout():
    """Fields of the payload: name, declaration, offset, size, signed."""
    fields, at = [], 8
    for name, declaration, code in INTEGERS:
        size = struct.calcsize(code)
        at += -at % size
        fields.append((name, declaration, at, size, int(code.islower())))
        at += size
    for name, declaration, size in (("serial", "u32 serial", 4), ("vec", "u32 vec", 4),
                                    ("pid", "pid_t pid", 4), ("flag", "bool flag", 1),
                                    ("name", "char name[16]", 16), ("tail3", "char tail3[3]", 3)):
        at += -at % min(size, 4) if size in (4, 16) else 0
        fields.append((name, declaration, at, size, int(name == "pid")))
        at += size
    at += -at % 4
    fields.append(("path", "__data_loc char[] path", at, 4, 0))
    at += 4 + (-(at + 4) % 8)
    fields.append(("ratio", "double ratio", at, 8, 1))
    return fields, at + 8


FIELDS, FIXED = _layout()
PLACE = {field[0]: field[2] for field in FIELDS}


def _format():
    lines = ["name: probe", f"ID: {EVENT_ID}", "format:",
             "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;",
             "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;", ""]
    for _, declaration, offset, size, signed in FIELDS:
        lines.append(f"\tfield:{declaration};\toffset:{offset};\tsize:{size};\tsigned:{signed};")
    pairs = ", ".join('{ %d, "%s" }' % (value, name) for name, value in SYMBOLS.items())
    lines += ["", f'print fmt: "vec=%s", __print_symbolic(REC->vec, {pairs})', ""]
    return "\n".join(lines).encode()


def _sized(text, code="<Q"):
    return struct.pack(code, len(text)) + text


def _tracing_data():
    head = b"\x17\x08\x44tracing0.6\0" + bytes([0, 8]) + struct.pack("<I", 4096)
    head += b"header_page\0" + _sized(b"") + b"header_event\0" + _sized(b"")
    events = struct.pack("<I", 0) + struct.pack("<I", 1) + b"test\0" + struct.pack("<I", 1)
    return head + events + _sized(_format()) + _sized(b"", "<I") + _sized(b"", "<I") + _sized(b"")


def _record(kind, body, misc=2):
    return struct.pack("<IHH", kind, misc, 8 + len(body)) + body


def _payload(event):
    data = bytearray(FIXED)
    struct.pack_into("<Hxxi", data, 0, EVENT_ID, event["tid"])
    for name, _, code in INTEGERS:
        struct.pack_into("<" + code, data, PLACE[name], event[name])
    for name in ("serial", "vec"):
        struct.pack_into("<I", data, PLACE[name], event[name])
    struct.pack_into("<i", data, PLACE["pid"], event["args.pid"])
    data[PLACE["flag"]] = event["flag"]
    struct.pack_into("<d", data, PLACE["ratio"], event["ratio"])
    # Behind a NUL may be anything.
    for name, size in (("name", 16), ("tail3", 3)):
        text = event[name].encode()
        filled = (text + b"\0" + b"nginx" * 4 if len(text) < size else text)[:size]
        data[PLACE[name]:PLACE[name] + size] = filled
    path = event["path"].encode() + b"\0"
    struct.pack_into("<I", data, PLACE["path"], len(path) << 16 | len(data))
    return bytes(data + path)


def _sample(event):
    raw = _payload(event)
    raw += b"\0" * (-(len(raw) + 4) % 8)
    body = struct.pack("<QQIIQIIQ", SAMPLE_ID, event["ip"], event["pid"], event["tid"],
                       START_NS + event["time"], event["cpu"], 0, event["period"])
    return _record(9, body + struct.pack("<I", len(raw)) + raw)


def _comm(time_ns, pid, tid, name):
    text = name.encode() + b"\0"
    text += b"\0" * (-len(text) % 8)
    trailer = struct.pack("<IIQIIQ", pid, tid, time_ns, 0, 0, SAMPLE_ID)
    return _record(3, struct.pack("<II", pid, tid) + text + trailer)


def write_trace(path, events):
    """Events in order of time; a thread's name is told before its first event, and when it changes."""
    known, records = {}, []
    for event in events:
        if known.get(event["tid"]) != event["comm"]:
            known[event["tid"]] = event["comm"]
            records.append(_comm(START_NS + event["time"], event["pid"], event["tid"], event["comm"]))
        records.append(_sample(event))
    data, tracing = b"".join(records), _tracing_data()
    attr = struct.pack("<IIQQQQQ", 2, 128, EVENT_ID, 1, SAMPLE_TYPE, 0, 1 << 18 | 1 << 9)
    attr += b"\0" * (128 - len(attr)) + struct.pack("<QQ", 104, 8)
    begin = 112 + len(attr)
    header = b"PERFILE2" + struct.pack("<QQ", 104, len(attr))
    header += struct.pack("<QQQQQQ", 112, len(attr), begin, len(data), 0, 0)
    header += struct.pack("<4Q", 1 << 1, 0, 0, 0)
    section = struct.pack("<QQ", begin + len(data) + 16, len(tracing))
    with open(path, "wb") as file:
        file.write(header + struct.pack("<Q", SAMPLE_ID) + attr + data + section + tracing)


# Random events ----------------------------------------------------------------------------------

RANGES = {name: (struct.calcsize(code) * 8, code.islower()) for name, _, code in INTEGERS}
RANGES.update({"vec": (32, False), "args.pid": (32, True), "pid": (31, False), "tid": (31, False),
               "cpu": (31, False), "ip": (64, False), "period": (64, False)})
SMALL = {"pid": 4, "tid": 4, "cpu": 4, "vec": 10}


def _number(rng, field):
    bits, signed = RANGES[field]
    if field in SMALL:
        return rng.randrange(SMALL[field])
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    near = rng.choice([low, high, 0, 1, 5, 100, 1 << 53, (1 << 53) + 1, 1 << 63, 1 << 31])
    return min(max(near + rng.randrange(-2, 3), low), high)


def _text(rng, longest):
    word = rng.choice(["", "a", "ab", "abc", "nginx", "x.y", "[a]", "a*b", "/bin/sh", "long" * 4])
    return (word + rng.choice(["", "", "a", "b"]))[:longest]


def random_events(rng, count):
    """`time` is ns since the first one."""
    events, now = [], 0
    for serial in range(count):
        event = {field: _number(rng, field) for field in RANGES}
        event["tid"] += event["pid"] * 10 + 100
        event["pid"] += 100
        event.update(serial=serial, flag=rng.randrange(2), time=now, name=_text(rng, 16),
                     tail3=_text(rng, 3), path=_text(rng, 40), comm=rng.choice(NAMES),
                     ratio=rng.choice([0.0, 0.5, -1.5, 1e300, float("nan"), float("inf")]))
        events.append(event)
        now += rng.choice([1, 1000, 1_000_000])
    return events


# Random filters: text, and a function of an event -----------------------------------------------

COMPARE = {"==": lambda a, b: a == b, "!=": lambda a, b: a != b, "<": lambda a, b: a < b,
           "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b}
SWAPPED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
TEXTS = ("name", "tail3", "path", "comm")


def _glob(pattern):
    """As the kernel's glob_match says."""
    out, at = "", 0
    while at < len(pattern):
        c = pattern[at]
        close = pattern.find("]", at + 2)
        if c == "*":
            out += ".*"
        elif c == "?":
            out += "."
        elif c == "\\" and at + 1 < len(pattern):
            at += 1
            out += re.escape(pattern[at])
        elif c == "[" and close > 0:
            inner = pattern[at + 1:close]
            negation = "^" if inner.startswith("!") else ""
            out += "[" + negation + inner.lstrip("!").replace("\\", "\\\\") + "]"
            at = close
        else:
            out += re.escape(c)
        at += 1
    return re.compile(out, re.S)


def _quoted(rng, text):
    quote = rng.choice("'\"")
    return quote + text.replace("\\", "\\\\").replace(quote, "\\" + quote) + quote


def _written(rng, number):
    if rng.random() < 0.3:
        return ("-" if number < 0 else "") + hex(abs(number))
    return str(number)


def _constant(rng, events, field):
    value = rng.choice(events)[field] if rng.random() < 0.8 else rng.choice([-1, 256, 1 << 63, 0])
    value += rng.choice([0, 0, 0, 1, -1])
    return min(max(value, -(1 << 63)), (1 << 64) - 1)


def _integer_test(rng, events):
    field = rng.choice(list(RANGES))
    if rng.random() < 0.25:
        items = []
        for _ in range(rng.randrange(1, 5)):
            a, b = _constant(rng, events, field), _constant(rng, events, field)
            items.append((a, b) if rng.random() < 0.4 else (a, a))
        shown = ", ".join(_written(rng, a) if a == b else f"{_written(rng, a)}..{_written(rng, b)}"
                          for a, b in items)
        ends = rng.choice(["()", "{}"])
        return (f"{field} in {ends[0]}{shown}{ends[1]}",
                lambda e: any(a <= e[field] <= b for a, b in items))
    operator, value = rng.choice(list(COMPARE)), _constant(rng, events, field)
    written = _written(rng, value)
    if rng.random() < 0.2:
        return (f"{written} {SWAPPED[operator]} {field}",
                lambda e: COMPARE[operator](e[field], value))
    return f"{field} {operator} {written}", lambda e: COMPARE[operator](e[field], value)


def _text_test(rng, events):
    field = rng.choice(TEXTS)
    value = rng.choice(events)[field]
    kind = rng.choice(["==", "!=", "contains", "starts_with", "ends_with", "=~", "in"])
    if kind == "in":
        values = [value, rng.choice(events)[field]]
        return (f"{field} in ({', '.join(_quoted(rng, v) for v in values)})",
                lambda e: e[field] in values)
    if kind in ("==", "!="):
        return f"{field} {kind} {_quoted(rng, value)}", lambda e: (e[field] == value) == (kind == "==")
    if kind == "=~":
        pattern = rng.choice(["*", "?", "", "a*", "*b", "*x*", "a?c", "[a-n]*", "[!a]*", "*[*]*",
                              value[:2] + "*", "*" + value[1:], "*a*b*"])
        matcher = _glob(pattern)
        return f"{field} =~ '{pattern}'", lambda e: matcher.fullmatch(e[field]) is not None
    piece = value[rng.randrange(len(value) + 1):][:rng.randrange(4)]
    test = {"contains": lambda e: piece in e[field], "starts_with": lambda e: e[field].startswith(piece),
            "ends_with": lambda e: e[field].endswith(piece)}[kind]
    return f"{field} {kind} {_quoted(rng, piece)}", test


def _other_test(rng, events):
    kind = rng.randrange(5)
    if kind == 0:
        return rng.choice([("flag", lambda e: e["flag"] == 1), ("flag == false", lambda e: e["flag"] == 0),
                           ("flag != 0", lambda e: e["flag"] == 1)])
    if kind == 1:
        operator, value = rng.choice(list(COMPARE)), rng.choice([0, 0.5, -1.5, 2, 1e300])
        return f"ratio {operator} {value}", lambda e: COMPARE[operator](e["ratio"], value)
    if kind == 2:
        symbol = rng.choice(list(SYMBOLS))
        return f"vec == '{symbol}'", lambda e: e["vec"] == SYMBOLS[symbol]
    if kind == 3:
        at = rng.choice(events)["time"]
        return f"time >= {at}ns", lambda e: e["time"] >= at
    is_this = rng.random() < 0.5
    return f"event == '{'test:probe' if is_this else 'x:y'}'", lambda e: is_this


def random_filter(rng, events, depth=3):
    """A filter's text, and what it says of an event."""
    kind = rng.random() if depth > 0 else 1
    if kind > 0.6:
        return rng.choice([_integer_test, _integer_test, _text_test, _other_test])(rng, events)
    a_text, a = random_filter(rng, events, depth - 1)
    if kind < 0.12:
        return f"!({a_text})", lambda e: not a(e)
    b_text, b = random_filter(rng, events, depth - 1)
    if kind < 0.36:
        return f"({a_text}) && ({b_text})", lambda e: a(e) and b(e)
    return f"({a_text} || {b_text})", lambda e: a(e) or b(e)
