#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "machine/machine.h"

namespace oc::test {

/// A machine with the tables of a trace: modules with build ids, frames at offsets in them, and who names them.
class TracedMachine {
  struct Names : machine::FrameNamer {
    struct Name {
      std::string function, module;
      uint64_t into = 0;
    };
    std::vector<Name> names{{}};
    void resolve(std::span<const process::FrameId>) override {}
    machine::NamedFrame find(process::FrameId frame) override {
      const Name& name = names.at(frame.value);
      machine::NamedFrame named;
      named.function = named.full_name = name.function;
      named.module = name.module;
      named.function_offset = name.into;
      return named;
    }
    machine::NamedSegment segment;
    machine::NamedCall call(process::FrameId, uint32_t) override { return {}; }
    machine::NamedSegment find_segment(process::ModuleId, uint64_t) override { return segment; }
  };

 public:
  process::ModuleId add_module(const std::string& path, std::initializer_list<uint8_t> build_id) {
    process::Module module;
    module.kind = process::ModuleKind::kFile;
    module.path = strings_.intern(path);
    module.build_id = process::BuildId(std::span<const uint8_t>(build_id.begin(), build_id.size()));
    return modules_.intern(module);
  }
  void map(int32_t pid, process::ModuleId module, uint64_t start, uint64_t end, uint64_t offset,
           int64_t time = machine::kBeforeTrace) {
    machine.processes.thread(pid, pid);
    machine::MachineMapping mapping;
    mapping.module = module;
    mapping.start = start;
    mapping.end = end;
    mapping.offset = offset;
    machine.processes.map(time, pid, mapping);
  }
  /// Of all modules.
  void set_segment(const machine::NamedSegment& segment) { names_.segment = segment; }
  /// `into`: bytes from the function's beginning.
  uint32_t add_frame(process::ModuleId module, uint64_t offset, const std::string& function,
                     uint64_t into, bool is_return = false) {
    process::Frame frame;
    frame.module = module;
    frame.offset = offset;
    frame.is_return = is_return;
    const uint32_t id = frames_.intern(frame).value;
    names_.names.resize(std::max<size_t>(names_.names.size(), id + 1));
    names_.names[id] = {function, std::string(modules_.path(module)), into};
    return id;
  }
  /// The innermost frame first. Of kind "cpu-clock", with the value 1.
  void add_sample(int64_t time, int32_t pid, std::initializer_list<uint32_t> frames) {
    machine::Sample sample;
    sample.time = time;
    sample.value = 1;
    sample.kind = machine.kind("cpu-clock");
    sample.context =
        machine.processes.context(machine.processes.thread(pid, pid), machine.texts.intern("prog"));
    sample.stack =
        stacks_.intern({frames.begin(), frames.size()}, 0, process::StackEnd::kComplete).value;
    sample.cpu = 0;
    machine.add(sample);
  }

 private:
  base::Interner strings_;
  process::ModuleTable modules_{strings_};
  process::FrameTable frames_;
  process::StackTable stacks_;
  Names names_;

 public:
  machine::Machine machine{{&modules_, &frames_, &stacks_, &names_}};
};

}  // namespace oc::test
