#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "session/jit_code.h"
#include "session/stack_tables.h"
#include "source/record.h"
#include "source/trace_header.h"

namespace oc::session {

/// Tells address spaces what records say of mappings, in time order; of a recorded trace also which builds the files
/// were, as its header lists them.
class CodeRecords {
 public:
  /// Live: completes what is told of a file that was mapped just now, by a look at it: build id, contents. `time` as in apply.
  using LookAtFile = std::function<void(int32_t pid, base::Nanos time, process::Mapping& mapping)>;

  explicit CodeRecords(StackTables& tables) : tables_(tables), spaces_(tables.spaces) {}

  void add_build_ids(const std::vector<source::BuildId>& ids);
  void set_look_at_file(LookAtFile look_at_file) { look_at_file_ = std::move(look_at_file); }

  /// Compiled code by the time at which it was there. Owned by the caller.
  void set_jit_code(JitCode& jit) { jit_ = &jit; }
  /// As JitCode's.
  uint64_t untold() const { return jit_ == nullptr ? 0 : jit_->untold(); }
  /// Any record that is no sample. `misc`: of its header, without false marks. `size_bytes`: without the trailer. `time`: 0 of
  /// what was so already when it began.
  void apply(uint32_t type, uint16_t misc, const uint8_t* record, uint32_t size_bytes,
             base::Nanos time);
  /// What follows is of this time.
  void advance(base::Nanos time) {
    if (jit_ != nullptr) jit_->advance(time);
  }
  /// Records that lie one behind the other, without trailers, as perf::Rundown makes them.
  void apply_all(std::span<const uint8_t> records);

 private:
  void map(uint16_t misc, const uint8_t* record, uint32_t size_bytes, base::Nanos time,
           bool is_mmap2);
  void fork(uint16_t misc, const uint8_t* record);
  void exit(const uint8_t* record);
  void exec(int32_t pid);
  void map_jit(int32_t pid, const process::Mapping& mapping);
  void map_kernel(process::Mapping mapping);
  void kernel_code(const uint8_t* record, uint32_t size_bytes);
  process::BuildId listed(std::string_view path) const;

  StackTables& tables_;
  process::AddressSpaces& spaces_;
  bool has_told_kernel_ = false;
  std::map<std::string, process::BuildId, std::less<>>
      listed_;  ///< by path; empty: of several builds
  LookAtFile look_at_file_;
  JitCode* jit_ = nullptr;
};

}  // namespace oc::session
