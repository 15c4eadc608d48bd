#pragma once

#include <cstdint>
#include <vector>

#include "support/perf_data_writer.h"

namespace oc::test {

/// A trace in pipe mode, as `perf record -o -` writes it: magic, an ATTR record for each event, features as
/// records, tracing data, then the records.
ByteVector pipe_bytes(const PerfDataWriter& file);

/// `bytes` as compressed records: one zstd stream, cut wherever a piece of `piece_bytes` ends, so that records
/// straddle. `type` 81 (COMPRESSED) or 83 (COMPRESSED2, with a size and padding).
ByteVector compressed_records(const ByteVector& bytes, uint32_t type, size_t piece_bytes);

}  // namespace oc::test
