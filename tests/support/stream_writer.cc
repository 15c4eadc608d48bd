#include "support/stream_writer.h"

#include <zstd.h>

#include <algorithm>
#include <stdexcept>

#include "support/record_writer.h"

namespace oc::test {

ByteVector pipe_bytes(const PerfDataWriter& file) {
  RecordWriter w(file.attrs.front().attr);
  for (const auto& [attr, ids] : file.attrs) {
    ByteWriter body;
    perf_event_attr sized = attr;
    sized.size = file.attr_bytes;
    ByteVector bytes(file.attr_bytes);
    std::memcpy(bytes.data(), &sized, std::min<size_t>(bytes.size(), sizeof sized));
    body.add(bytes);
    for (const uint64_t id : ids) body.u64(id);
    w.record(64, 0, body.bytes);
  }
  for (const auto& [number, section] : file.features) {
    if (number == 1) {
      ByteVector padded = ByteWriter().add(section).pad().bytes;
      w.record(66, 0, ByteWriter().u32(padded.size()).u32(0).bytes).raw_bytes(padded);
    } else {
      w.record(80, 0, ByteWriter().u64(static_cast<uint64_t>(number)).add(section).pad().bytes);
    }
  }
  return ByteWriter().text("PERFILE2").u64(16).add(w.bytes).add(file.records).bytes;
}

ByteVector compressed_records(const ByteVector& bytes, uint32_t type, size_t piece_bytes) {
  ZSTD_CCtx* const context = ZSTD_createCCtx();
  RecordWriter w(plain_attr());
  for (size_t at = 0; at < bytes.size(); at += piece_bytes) {
    const size_t size = std::min(piece_bytes, bytes.size() - at);
    ByteVector packed(ZSTD_compressBound(size) + 64);
    ZSTD_inBuffer in{bytes.data() + at, size, 0};
    ZSTD_outBuffer out{packed.data(), packed.size(), 0};
    if (ZSTD_compressStream2(context, &out, &in, ZSTD_e_flush) != 0)
      throw std::runtime_error("zstd needs more room");
    packed.resize(out.pos);
    ByteWriter body;
    if (type == 83) body.u64(packed.size());
    body.add(packed);
    if (type == 83) body.pad();
    w.record(type, 0, body.bytes);
  }
  ZSTD_freeCCtx(context);
  return w.bytes;
}

}  // namespace oc::test
