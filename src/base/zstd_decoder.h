#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"

struct ZSTD_DCtx_s;

namespace oc::base {

/// Unpacks one zstd stream that arrives in pieces.
///
///     feed(piece 1), produce, produce, … ; feed(piece 2), produce, …      one stream, one history
///
/// Memory: the stream's window, at most 128 MiB; larger ones are refused as damage.
class ZstdDecoder {
 public:
  ZstdDecoder();

  /// The next piece. Requires: all of the piece before was used up. Lent: the piece, until it is.
  void feed(std::span<const uint8_t> piece) {
    piece_ = piece;
    is_drained_ = false;
  }
  /// Appends what fits into one step (128 KiB) to `out`. Returns false when the piece is used up and gave
  /// all that it held. Errors: not zstd, damaged.
  Result<bool> produce(std::vector<uint8_t>& out);

 private:
  struct Free {
    void operator()(ZSTD_DCtx_s* context) const;
  };
  std::unique_ptr<ZSTD_DCtx_s, Free> context_;
  std::span<const uint8_t> piece_;
  bool is_drained_ = true;
};

}  // namespace oc::base
