#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "format/pprof_profile.h"
#include "machine/machine.h"

namespace oc::format::pprof {

/// What the labels of a sample say: whose it is, on which CPU; what is left are its attributes.
///
///     begin ── add, add, … ── apply      for each sample
class PprofLabelReader {
 public:
  /// `profile`: its texts; what is damaged is counted there.
  PprofLabelReader(Profile& profile, machine::Machine& machine)
      : profile_(profile), machine_(machine), roles_(profile.texts.size()) {}

  void begin();
  void add(std::span<const uint8_t> label);
  /// Sets context, CPU and attributes.
  void apply(machine::Sample& sample);

 private:
  enum class Role : uint8_t { kUnknown, kAttribute, kThread, kProcess, kTid, kPid, kCpu, kCgroup };
  static Role role_of(std::string_view key);
  void take_number(Role role, int64_t number);
  void take_text(Role role, std::string_view text);
  machine::ContextId context();

  /// Who a sample is of, as far as its labels tell.
  struct Owner {
    std::string_view thread, process, cgroup;
    int32_t tid = -1, pid = -1;
    bool is_known() const { return tid >= 0 || pid >= 0 || !thread.empty() || !process.empty(); }
  };

  Profile& profile_;
  machine::Machine& machine_;
  std::vector<Role> roles_;  ///< by text
  std::vector<machine::Attribute> attributes_;
  Owner owner_;
  uint16_t cpu_ = machine::kNoCpu;
};

}  // namespace oc::format::pprof
