#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "process/frame_table.h"

namespace oc::machine {

/// What is known of the place that a frame is. Texts are owned by the namer.
struct NamedFrame {
  std::string_view function;   ///< "" where nobody knows
  std::string_view full_name;  ///< with parameters
  std::string_view module;
  std::string_view source;  ///< who told the function
  uint64_t offset = 0;
  uint64_t function_offset = 0;
  bool has_address = false;  ///< `offset` is an address
  bool is_kernel = false;
  uint32_t calls = 0;
};

/// One of the functions at a place.
struct NamedCall {
  std::string_view function;
  std::string_view full_name;
  std::string_view file;
  uint32_t line = 0;
};

/// Where a part of a module's file lies in memory as it was linked: a loaded segment of its program headers.
struct NamedSegment {
  uint64_t address = 0;     ///< as linked
  uint64_t offset = 0;      ///< in the file
  uint64_t image = 0;       ///< address as linked at which all of the file begins
  uint64_t size_bytes = 0;  ///< in the file; 0: nobody knows
};

/// Names frames when somebody asks: the seam between a machine and who knows files and symbols. One thread.
class FrameNamer {
 public:
  virtual ~FrameNamer() = default;
  /// Looks these up, all at once: much quicker than one after the other.
  virtual void resolve(std::span<const process::FrameId> frames) = 0;
  virtual NamedFrame find(process::FrameId frame) = 0;
  /// Requires: below `calls` of the frame.
  virtual NamedCall call(process::FrameId frame, uint32_t index) = 0;
  /// Of the code at this offset in a module's file, where the file is at hand.
  virtual NamedSegment find_segment(process::ModuleId module, uint64_t offset) {
    static_cast<void>(module);
    static_cast<void>(offset);
    return {};
  }
};

}  // namespace oc::machine
