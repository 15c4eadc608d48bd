#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "event/event_format.h"

namespace oc::event {

/// The numbers that follow a declaration in a `format` line.
struct FieldPlace {
  uint32_t offset = 0;
  uint32_t size = 0;
  std::optional<bool> is_signed;  ///< absent in texts of kernels before 2.6.33
};

/// Makes a Field from a C declaration as the kernel prints it and its place.
///
///     unsigned long args[6]   const void * ptr   char comm[16]   struct foo bar   void
///     (*func)(int)
///     __data_loc char[] name  __rel_loc u64[] addrs  __data_loc cpumask_t cpus
///
/// The size in the text wins over what the type suggests; the type decides only how the bytes are
/// to be read. Nothing when no name can be found in the declaration.
std::optional<Field> make_field(std::string_view declaration, const FieldPlace& place,
                                uint32_t long_size);

}  // namespace oc::event
