#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "session/stack_tables.h"

namespace oc::session {

/// What is known of the place that a frame is. Texts are owned by Places.
struct Place {
  std::string_view function;   ///< "" where nobody knows
  std::string_view full_name;  ///< with parameters
  std::string_view module;
  const char* source = "";
  uint64_t offset = 0;
  uint64_t function_offset = 0;
  bool has_address = false;  ///< `offset` is an address
  bool is_kernel = false;
  uint32_t calls = 0;
};

struct PlaceCall {
  std::string_view function;
  std::string_view file;
  uint32_t line = 0;
};

/// Names of frames, looked up when somebody asks. One thread, beside the one that still adds frames.
class Places {
 public:
  explicit Places(const StackTables& tables) : tables_(tables) {}

  void resolve(std::span<const process::FrameId> frames);
  Place find(process::FrameId frame);
  PlaceCall call(process::FrameId frame, uint32_t index);

 private:
  const StackTables& tables_;
};

}  // namespace oc::session
