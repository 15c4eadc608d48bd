#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "machine/machine.h"

namespace oc::test {

/// A machine over tables as a run leaves them: modules with build ids, frames with offsets, and names that a namer tells.
class TracedMaker : private machine::FrameNamer {
 public:
  struct Call {
    std::string function, file;
    uint32_t line = 0;
  };

  process::ModuleId module(process::ModuleKind kind, std::string_view path,
                           std::span<const uint8_t> build_id = {}) {
    process::Module module;
    module.kind = kind;
    module.path = strings_.intern(path);
    module.build_id = process::BuildId(build_id);
    return modules_.intern(module);
  }
  /// A place in it: inlined functions, the innermost first, then the function whose code it is. None: nobody knows.
  uint32_t frame(process::ModuleId module, uint64_t offset, bool is_return,
                 std::initializer_list<Call> calls) {
    const auto id = frames_.intern({offset, module, is_return});
    calls_[id.value] = calls;
    return id.value;
  }
  /// The innermost first.
  machine::StackRef stack(std::initializer_list<uint32_t> frames, uint32_t kernel_frames = 0) {
    return stacks_
        .intern({frames.begin(), frames.size()}, kernel_frames, process::StackEnd::kComplete)
        .value;
  }
  /// pid -1: of the kernel.
  void map(int32_t pid, process::ModuleId module, uint64_t start, uint64_t end, uint64_t offset) {
    machine::MachineMapping mapping;
    mapping.module = module;
    mapping.start = start;
    mapping.end = end;
    mapping.offset = offset;
    machine.processes.map(machine::kBeforeTrace, pid, mapping);
  }

 private:
  void resolve(std::span<const process::FrameId>) override {}
  machine::NamedFrame find(process::FrameId id) override {
    const process::Frame frame = frames_.find(id);
    const process::Module& module = modules_.find(frame.module);
    machine::NamedFrame named;
    const auto& calls = calls_[id.value];
    if (!calls.empty()) named.function = named.full_name = calls.back().function;
    named.module = strings_.text(module.path);
    named.offset = frame.offset;
    named.is_kernel = module.kind == process::ModuleKind::kKernel;
    named.has_address = named.is_kernel;
    named.calls = static_cast<uint32_t>(calls.size());
    return named;
  }
  machine::NamedCall call(process::FrameId id, uint32_t index) override {
    const Call& call = calls_[id.value][index];
    return {call.function, call.function, call.file, call.line};
  }

  base::Interner strings_;
  process::ModuleTable modules_{strings_};
  process::FrameTable frames_;
  process::StackTable stacks_;
  std::map<uint32_t, std::vector<Call>> calls_;

 public:
  machine::Machine machine{machine::Machine::Traced{&modules_, &frames_, &stacks_, this}};
};

}  // namespace oc::test
