"""Takes a perf.data file apart and puts changed records together again, for variants that perf itself
does not record here. Little endian, file mode, one place for all attrs' trailers.

    header(104) | attrs, ids | records | feature table and sections
"""
import struct

SAMPLE, FINISHED_ROUND, FIRST_USER_TYPE = 9, 68, 64
TID, TIME, IDENTIFIER = 1 << 1, 1 << 2, 1 << 16
SAMPLE_BITS_BEFORE_TID = (IDENTIFIER, 1 << 0)
TRAILER_BITS = (TID, TIME, 1 << 6, 1 << 9, 1 << 7, IDENTIFIER)
SAMPLE_ID_ALL = 1 << 18


class PerfData:
    """A file's bytes; `records` is a list of bytearrays that may be changed."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = bytearray(file.read())
        (self.attr_size, self.attrs_at, self.attrs_size, self.begin,
         self.size) = struct.unpack_from("<5Q", self.data, 16)
        self.sample_type = struct.unpack_from("<Q", self.data, self.attrs_at + 24)[0]
        self.records = []
        at, end = self.begin, self.begin + self.size
        while at < end:
            size = struct.unpack_from("<H", self.data, at + 6)[0]
            self.records.append(self.data[at:at + size])
            at += size

    def sample_place(self, bit):
        """Offset of TID or TIME in a sample; the same in all attrs of our files."""
        before = SAMPLE_BITS_BEFORE_TID + ((TID,) if bit == TIME else ())
        return 8 + 8 * sum(bool(self.sample_type & other) for other in before)

    def samples(self):
        return [record for record in self.records if kind(record) == SAMPLE]

    def drop_sample_id_all(self):
        """As an old kernel writes: no trailers behind the records that are not samples."""
        trailer = 8 * sum(bool(self.sample_type & bit) for bit in TRAILER_BITS)
        for at in range(self.attrs_at, self.attrs_at + self.attrs_size, self.attr_size):
            flags = struct.unpack_from("<Q", self.data, at + 40)[0]
            struct.pack_into("<Q", self.data, at + 40, flags & ~SAMPLE_ID_ALL)
        for record in self.records:
            if kind(record) < FIRST_USER_TYPE and kind(record) != SAMPLE:
                del record[len(record) - trailer:]
                struct.pack_into("<H", record, 6, len(record))

    def write(self, path):
        """Writes the file; what lies behind the records moves with their end."""
        body = b"".join(self.records)
        moved = len(body) - self.size
        head, tail = self.data[:self.begin], self.data[self.begin + self.size:]
        struct.pack_into("<Q", head, 48, len(body))
        features = sum(bin(word).count("1") for word in struct.unpack_from("<4Q", self.data, 72))
        for index in range(features):
            offset = struct.unpack_from("<Q", tail, 16 * index)[0]
            struct.pack_into("<Q", tail, 16 * index, offset + moved)
        with open(path, "wb") as file:
            file.write(head + body + tail)


def kind(record):
    return struct.unpack_from("<I", record, 0)[0]
