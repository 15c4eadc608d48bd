#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace oc::sys {

/// A BPF program that is loaded, as the kernel tells of it.
struct BpfProgram {
  struct Function {
    uint64_t address = 0;
    uint32_t size_bytes = 0;
    std::string name;  ///< as in kallsyms: bpf_prog_TAG_NAME
  };

  uint32_t id = 0;
  std::array<uint8_t, 8> tag{};
  /// Its machine code; empty when it was not compiled, or this user may not see addresses.
  std::vector<Function> functions;
  uint32_t types_id = 0;            ///< of its BTF; 0: it has none
  std::vector<uint8_t> types = {};  ///< the BTF
  /// struct bpf_prog_info (linux/bpf.h), with offsets into `data` for pointers.
  std::vector<uint8_t> info;
  /// Which arrays of it `data` has, by their numbers in perf (tools/perf/util/bpf-utils.h), each up to 8 bytes.
  uint64_t arrays = 0;
  std::vector<uint8_t> data;
};

/// The ids of all programs that are loaded, ascending; empty for an ordinary user.
std::vector<uint32_t> list_bpf_programs();

/// Absent when there is none of this id (any more), or the kernel does not tell (before 5.0, or not this user).
std::optional<BpfProgram> load_bpf_program(uint32_t id);

}  // namespace oc::sys
