#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "machine/machine.h"

namespace oc::test {

/// A machine over tables as a run leaves them: modules with build ids, frames with offsets, and names that a namer tells.
class TracedMachine : private machine::FrameNamer {
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
  process::ModuleId file(std::string_view path, std::initializer_list<uint8_t> build_id) {
    return module(process::ModuleKind::kFile, path, {build_id.begin(), build_id.size()});
  }
  /// A place in it: inlined functions, the innermost first, then the function whose code it is. None: nobody knows.
  uint32_t frame(process::ModuleId module, uint64_t offset, bool is_return,
                 std::initializer_list<Call> calls) {
    const auto id = frames_.intern({offset, module, is_return});
    Name& name = names_[id.value];
    name.calls = calls;
    if (!name.calls.empty()) name.function = name.calls.back().function;
    return id.value;
  }
  /// In a function without lines; `into`: bytes from its beginning.
  uint32_t frame_at(process::ModuleId module, uint64_t offset, std::string_view function,
                    uint64_t into, bool is_return = false) {
    const auto id = frames_.intern({offset, module, is_return});
    names_[id.value] = {std::string(function), into, {}};
    return id.value;
  }
  /// The innermost first.
  machine::StackRef stack(std::span<const uint32_t> frames, uint32_t kernel_frames = 0) {
    return stacks_.intern(frames, kernel_frames, process::StackEnd::kComplete).value;
  }
  machine::StackRef stack(std::initializer_list<uint32_t> frames, uint32_t kernel_frames = 0) {
    return stack(std::span(frames.begin(), frames.size()), kernel_frames);
  }
  /// pid -1: of the kernel.
  void map(int32_t pid, process::ModuleId module, uint64_t start, uint64_t end, uint64_t offset,
           int64_t time = machine::kBeforeTrace) {
    if (pid >= 0) machine.processes.thread(pid, pid);
    machine::MachineMapping mapping;
    mapping.module = module;
    mapping.start = start;
    mapping.end = end;
    mapping.offset = offset;
    machine.processes.map(time, pid, mapping);
  }
  /// Of all modules.
  void set_segment(const machine::NamedSegment& segment) { segment_ = segment; }
  /// The innermost frame first. Of kind "cpu-clock", with the value 1.
  void add_sample(int64_t time, int32_t pid, std::initializer_list<uint32_t> frames) {
    machine::Sample sample;
    sample.time = time;
    sample.value = 1;
    sample.kind = machine.kind("cpu-clock");
    sample.context =
        machine.processes.context(machine.processes.thread(pid, pid), machine.texts.intern("prog"));
    sample.stack = stack(frames);
    sample.cpu = 0;
    machine.add(sample);
  }

 private:
  struct Name {
    std::string function;
    uint64_t into = 0;
    std::vector<Call> calls;
  };

  void resolve(std::span<const process::FrameId>) override {}
  machine::NamedFrame find(process::FrameId id) override {
    const process::Frame frame = frames_.find(id);
    const process::Module& module = modules_.find(frame.module);
    const Name& name = names_[id.value];
    machine::NamedFrame named;
    named.function = named.full_name = name.function;
    named.function_offset = name.into;
    named.module = strings_.text(module.path);
    named.offset = frame.offset;
    named.is_kernel = module.kind == process::ModuleKind::kKernel;
    named.has_address = named.is_kernel;
    named.calls = static_cast<uint32_t>(name.calls.size());
    return named;
  }
  machine::NamedCall call(process::FrameId id, uint32_t index) override {
    const Call& call = names_[id.value].calls[index];
    return {call.function, call.function, call.file, call.line};
  }
  machine::NamedSegment find_segment(process::ModuleId, uint64_t) override { return segment_; }

  base::Interner strings_;
  process::ModuleTable modules_{strings_};
  process::FrameTable frames_;
  process::StackTable stacks_;
  std::map<uint32_t, Name> names_;
  machine::NamedSegment segment_;

 public:
  machine::Machine machine{machine::Machine::Traced{&modules_, &frames_, &stacks_, this, nullptr}};
};

}  // namespace oc::test
