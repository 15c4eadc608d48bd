#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "format/output.h"

namespace oc::format {

/// What packed bytes hold.
struct Unpacked {
  std::vector<uint8_t> bytes;
  bool is_cut = false;  ///< they end, or are damaged, before their end: this is what comes before
};

/// By the first bytes.
Compression compression_of_bytes(std::span<const uint8_t> bytes);

/// Unpacks gzip (of one or several members) or zstd. Errors: more than `limit_bytes` come out. Requires: packed bytes.
base::Result<Unpacked> unpack(std::span<const uint8_t> packed, uint64_t limit_bytes);

}  // namespace oc::format
