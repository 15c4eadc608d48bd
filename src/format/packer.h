#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "base/result.h"
#include "format/output.h"

namespace oc::format {

/// Packs a stream of bytes and hands on what is packed: as it comes, or (`packs_whole`) when it ends, as far as that is quicker.
///
/// The bytes depend on the input alone, not on the pieces in which it comes. One thread.
class Packer {
 public:
  using Sink = std::function<base::Status(std::span<const uint8_t>)>;

  /// kNone: as it comes.
  static std::unique_ptr<Packer> make(Compression compression, bool packs_whole);
  virtual ~Packer() = default;
  /// Errors: the sink's.
  virtual base::Status add(std::span<const uint8_t> bytes, const Sink& sink) = 0;
  virtual base::Status finish(const Sink& sink) = 0;
};

}  // namespace oc::format
