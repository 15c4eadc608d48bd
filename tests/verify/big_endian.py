"""Turns a little-endian perf.data (file mode, uncompressed) into what a big-endian machine would have written.

By the kernel's headers (include/uapi/linux/perf_event.h), record for record and field for field; nothing of
oc's is used. Records of perf's own are left out, apart from the ends of rounds.
"""
import re
import struct

SAMPLE, FINISHED_ROUND = 9, 68
# Widths of the numbers at a body's beginning; "w": all words that are left. The rest is bytes.
BODIES = {1: "44888", 2: "88", 3: "44", 4: "44448", 5: "888", 6: "888", 7: "44448", 8: "44w", 10: "44888448844",
          11: "888", 12: "44", 13: "8", 14: "", 15: "44", 16: "44w", 17: "8422", 18: "224", 19: "8", 20: "822",
          21: "8"}
BIT_WIDTHS = [1] * 15 + [2] + [1] * 47
BRANCH_WIDTHS = [1, 1, 1, 1, 16, 4, 2, 4, 3, 31]
KEPT_FEATURES = {1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 21, 29}


def turn(data, widths, at=0):
    """Turns numbers of these widths from `at` on, in place; returns the place behind them."""
    for width in widths:
        if width == "w":
            return turn(data, "8" * ((len(data) - at) // 8), at)
        size = int(width)
        data[at:at + size] = data[at:at + size][::-1]
        at += size
    return at


def bit_fields(word, widths):
    """The word whose fields count from the other end."""
    out, at = 0, 0
    for width in widths:
        out |= (word >> at & (1 << width) - 1) << (64 - at - width)
        at += width
    return out


class Attr:
    def __init__(self, raw, ids):
        self.raw, self.ids = raw, ids
        (self.type, _, self.config, _, self.sample_type, self.read_format,
         self.bits) = struct.unpack_from("<IIQQQQQ", raw)
        self.branch_type = struct.unpack_from("<Q", raw, 72)[0] if len(raw) >= 80 else 0
        self.regs_user = struct.unpack_from("<Q", raw, 80)[0] if len(raw) >= 96 else 0
        self.regs_intr = struct.unpack_from("<Q", raw, 96)[0] if len(raw) >= 104 else 0

    def has(self, bit):
        return self.sample_type >> bit & 1

    def big(self):
        out = bytearray(self.raw)
        at = turn(out, "4488888")
        struct.pack_into(">Q", out, 40, bit_fields(self.bits, BIT_WIDTHS))
        # wakeup, bp_type; config1, config2; branches; regs; stack, clock; regs; AUX, depth; sizes; the newest
        for width in "44" "88" "8" "8" "44" "8" "422" "44" "8" "8" "888":
            if at + int(width) > len(out):
                break
            at = turn(out, width, at)
        return bytes(out)

    def fixed(self):
        """The fields of a sample up to READ."""
        order = ((16, "8"), (0, "8"), (1, "44"), (2, "8"), (3, "8"), (6, "8"), (9, "8"), (7, "44"), (8, "8"))
        return "".join(widths for bit, widths in order if self.has(bit))

    def trailer(self):
        if not self.bits >> 18 & 1:
            return ""
        order = ((1, "44"), (2, "8"), (6, "8"), (9, "8"), (7, "44"), (16, "8"))
        return "".join(widths for bit, widths in order if self.has(bit))

    def id_place(self):
        """Of a sample, from its beginning; None when it has no id."""
        if self.has(16):
            return 8
        return 8 + sum(8 for bit in (0, 1, 2, 3) if self.has(bit)) if self.has(6) else None


def turn_payload(payload, fields):
    for kind, offset, size, element in fields:
        if kind == "loc":
            where = struct.unpack_from("<I", payload, offset)[0]
            turn(payload, "4", offset)
            if element > 1:
                turn(payload, str(element) * ((where >> 16) // element), where & 0xffff)
        elif element > 1:
            turn(payload, str(element) * (size // element), offset)


def turn_tail(data, at, attr, formats):
    def word():
        return struct.unpack_from("<Q", data, at)[0]

    def words(count):
        return turn(data, "8" * count, at)
    if attr.has(4):
        times = (attr.read_format & 1) + (attr.read_format >> 1 & 1)
        extra = (attr.read_format >> 2 & 1) + (attr.read_format >> 4 & 1)
        at = words(1 + times + (word() * (1 + extra) if attr.read_format & 8 else extra))
    if attr.has(5):
        at = words(1 + word())
    if attr.has(10):
        size = struct.unpack_from("<I", data, at)[0]
        at = turn(data, "4", at)
        payload = data[at:at + size]
        if attr.type == 2 and attr.config in formats:
            turn_payload(payload, formats[attr.config])
        data[at:at + size] = payload
        at += size
    if attr.has(11):
        count = word()
        at = words(2 if attr.branch_type >> 17 & 1 else 1)
        for _ in range(count):
            at = words(2)
            struct.pack_into(">Q", data, at, bit_fields(word(), BRANCH_WIDTHS))
            at += 8
    if attr.has(12):
        at = words(1 + (bin(attr.regs_user).count("1") if word() else 0))
    if attr.has(13):
        size = word()
        at = words(1)
        if size:
            at = turn(data, "8", at + size)
    for bits in ((14, 24), (15,), (17,)):
        if any(map(attr.has, bits)):
            at = words(1)
    if attr.has(18):
        at = words(1 + (bin(attr.regs_intr).count("1") if word() else 0))
    for bit in (19, 21, 22, 23):
        if attr.has(bit):
            at = words(1)
    if attr.has(20):
        words(1)


def formats_of(blob):
    """Fields by the event's number: (kind, offset, size, size of an element; 1: bytes)."""
    formats = {}
    for text in re.findall(r"name: \S+\nID: \d+\nformat:\n.*?\nprint fmt", blob.decode("latin-1"), re.S):
        fields = []
        for kind, offset, size in re.findall(r"field:(.*?);\s*offset:(\d+);\s*size:(\d+);", text):
            offset, size = int(offset), int(size)
            array = re.search(r"\[(\d*)\]", kind)
            base = re.sub(r"\w*\s*\[.*", "", kind)
            width = 1 if "char" in base else 8 if re.search(r"long|64|\*", base) else 2 if "16" in base else 4
            if "__data_loc" in kind:
                fields.append(("loc", offset, size, 1 if "char" in kind or "mask" in kind else width))
            elif array:
                fields.append(("array", offset, size, size // max(int(array.group(1) or 1), 1)))
            else:
                fields.append(("number", offset, size, size))
        formats[int(re.search(r"ID: (\d+)", text).group(1))] = fields
    return formats


def turn_string(data, at):
    size = struct.unpack_from("<I", data, at)[0]
    return turn(data, "4", at) + size


def turn_tracing_data(data):
    at = data.index(0, 10) + 1
    data[at] = 1
    at = turn(data, "4", at + 2)

    def text(width):
        nonlocal at
        size = int.from_bytes(data[at:at + width], "little")
        at = turn(data, str(width), at) + size

    def texts():
        nonlocal at
        count = struct.unpack_from("<I", data, at)[0]
        at = turn(data, "4", at)
        for _ in range(count):
            text(8)
    for _ in range(2):
        at = data.index(0, at) + 1
        text(8)
    texts()
    systems = struct.unpack_from("<I", data, at)[0]
    at = turn(data, "4", at)
    for _ in range(systems):
        at = data.index(0, at) + 1
        texts()
    for width in (4, 4, 8):
        if at + width <= len(data):
            text(width)


def turn_event_description(data):
    count, attr_size = struct.unpack_from("<II", data)
    at = turn(data, "44")
    for _ in range(count):
        data[at:at + attr_size] = Attr(bytes(data[at:at + attr_size]), []).big()
        at += attr_size
        ids = struct.unpack_from("<I", data, at)[0]
        at = turn_string(data, turn(data, "4", at))
        at = turn(data, "8" * ids, at)


def turn_feature(number, data):
    if number == 1:
        turn_tracing_data(data)
    elif number == 2:
        at = 0
        while at < len(data):
            size = struct.unpack_from("<H", data, at + 6)[0]
            turn(data, "4224", at)
            at += size
    elif number == 11:
        at = turn(data, "4")
        while at < len(data):
            at = turn_string(data, at)
    elif number == 12:
        turn_event_description(data)
    elif number in (7, 21, 29):
        turn(data, {7: "44", 21: "88", 29: "4488"}[number])
    else:
        turn_string(data, 0)


def read(path):
    """(attrs, records, features by number)"""
    with open(path, "rb") as file:
        data = file.read()
    stride, attrs_at, attrs_size, begin, size = struct.unpack_from("<5Q", data, 16)
    attrs = []
    for at in range(attrs_at, attrs_at + attrs_size, stride):
        ids_at, ids_size = struct.unpack_from("<QQ", data, at + stride - 16)
        attrs.append(Attr(data[at:at + stride - 16], struct.unpack_from(f"<{ids_size // 8}Q", data, ids_at)))
    records, at = [], begin
    while at < begin + size:
        kind, _, length = struct.unpack_from("<IHH", data, at)
        records.append(bytearray(data[at:at + length]))
        at += length + (struct.unpack_from("<Q", data, at + 8)[0] if kind == 71 else 0)
    bits = int.from_bytes(data[72:104], "little")
    features, at = {}, begin + size
    for number in (n for n in range(256) if bits >> n & 1):
        where, length = struct.unpack_from("<QQ", data, at)
        features[number] = bytearray(data[where:where + length])
        at += 16
    return attrs, records, {n: f for n, f in features.items() if n in KEPT_FEATURES and f}


def turn_record(record, attrs, by_id, formats):
    kind, misc, _ = struct.unpack_from("<IHH", record)
    if kind == SAMPLE:
        place = attrs[0].id_place()
        attr = by_id.get(struct.unpack_from("<Q", record, place)[0], attrs[0]) if place else attrs[0]
        turn_tail(record, 8 + sum(map(int, attr.fixed())), attr, formats)
        turn(record, attr.fixed(), 8)
    elif kind != FINISHED_ROUND:
        trailer = attrs[0].trailer()
        turn(record, trailer, len(record) - sum(map(int, trailer)))
        body = record[8:len(record) - sum(map(int, trailer))]
        widths = BODIES[kind]
        if kind == 10 and misc >> 14 & 1:
            turn(body, "44888")
            turn(body, "44", 56)
        else:
            turn(body, widths)
        record[8:8 + len(body)] = body
    turn(record, "422")
    return record


def convert(path, to):
    attrs, records, features = read(path)
    by_id = {number: attr for attr in attrs for number in attr.ids}
    formats = formats_of(bytes(features.get(1, b"")))
    records = [turn_record(r, attrs, by_id, formats) for r in records
               if struct.unpack_from("<I", r)[0] < 64 or struct.unpack_from("<I", r)[0] == FINISHED_ROUND]
    for number, data in features.items():
        turn_feature(number, data)
    stride = len(attrs[0].raw) + 16
    ids_at = 104 + stride * len(attrs)
    entries, ids = b"", b""
    for attr in attrs:
        entries += attr.big() + struct.pack(">QQ", ids_at + len(ids), 8 * len(attr.ids))
        ids += struct.pack(f">{len(attr.ids)}Q", *attr.ids)
    body = b"".join(records)
    begin = ids_at + len(ids)
    table, sections = b"", b""
    at = begin + len(body) + 16 * len(features)
    for data in (features[number] for number in sorted(features)):
        table += struct.pack(">QQ", at + len(sections), len(data))
        sections += data
    bits = sum(1 << number for number in features)
    words = [bits >> 64 * i & (1 << 64) - 1 for i in range(4)]
    header = b"PERFILE2"[::-1] + struct.pack(">QQQQQQQQ4Q", 104, stride, 104, len(entries), begin, len(body), 0, 0,
                                           *words)
    with open(to, "wb") as file:
        file.write(header + entries + ids + body + table + sections)
