#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"

namespace oc::format::pprof {

/// The tables of a profile in foreign bytes: all but its samples, which stay where they are. Texts and spans are the
/// bytes'. What refers to something that is not there is counted in `bad_references`.
struct Profile {
  struct ValueType {
    std::string_view type, unit;
  };
  struct Mapping {
    std::string_view file, build_id;
    uint64_t start = 0, limit = 0, offset = 0;
  };
  struct Function {
    std::string_view name, file;
  };

  std::vector<std::string_view> texts;
  std::vector<ValueType> types;
  std::unordered_map<uint64_t, Mapping> mappings;
  std::unordered_map<uint64_t, Function> functions;
  std::vector<std::span<const uint8_t>> locations;
  std::vector<std::string_view> comments;
  ValueType period_type;
  std::string_view
      default_type;  ///< the value that is shown unless another is asked for; "": none is named
  int64_t time_nanos = 0, duration_nanos = 0, period = 0;
  uint64_t bad_references = 0;  ///< beyond a table, of texts too
  uint64_t bad_messages = 0;    ///< end in damage
  bool is_cut = false;          ///< the profile itself does

  /// Errors: no texts, several profiles in one file.
  static base::Result<Profile> read(std::span<const uint8_t> bytes);
  /// "" where there is none, which is counted.
  std::string_view text(uint64_t index) {
    if (index < texts.size()) return texts[index];
    ++bad_references;
    return {};
  }
};

}  // namespace oc::format::pprof
