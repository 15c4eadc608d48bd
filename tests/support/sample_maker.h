#pragma once

#include <initializer_list>
#include <string_view>
#include <vector>

#include "machine/machine.h"

namespace oc::test {

/// Puts samples with named frames into a machine, as a trace would.
class SampleMaker {
 public:
  explicit SampleMaker(machine::Machine& machine) : machine_(machine) {}

  /// "main", "parse", "malloc@/usr/lib/libc.so.6": the outermost first; a module follows `@`, otherwise it is `/bin/prog`;
  /// "[k]NAME": of the kernel. Frames of one place with a file: "name@module@file.cc:7".
  machine::StackRef stack(std::initializer_list<std::string_view> frames) {
    std::vector<uint32_t> ids;
    uint32_t kernel_frames = 0;
    for (auto it = std::rbegin(frames); it != std::rend(frames); ++it) {
      ids.push_back(frame(*it));
      kernel_frames += it->starts_with("[k]");
    }
    return machine_.add_stack(ids, kernel_frames);
  }

  uint64_t add(std::string_view kind, int64_t time, double value, int32_t pid, int32_t tid,
               std::string_view comm, machine::StackRef stack, uint16_t cpu = 0) {
    machine::Sample sample;
    sample.kind = machine_.kind(kind);
    sample.time = time;
    sample.value = value;
    sample.context = machine_.processes.context(machine_.processes.thread(pid, tid),
                                                machine_.texts.intern(comm));
    sample.stack = stack;
    sample.cpu = cpu;
    return machine_.add(sample);
  }

 private:
  uint32_t frame(std::string_view text) {
    machine::OwnFrame frame;
    frame.module = "/bin/prog";
    if (text.starts_with("[k]")) {
      frame.is_kernel = true;
      frame.module = "[kernel.kallsyms]";
      text.remove_prefix(3);
    }
    const size_t at = text.find('@');
    frame.function = text.substr(0, at);
    if (at != std::string_view::npos) {
      text.remove_prefix(at + 1);
      const size_t file = text.find('@');
      frame.module = text.substr(0, file);
      if (file != std::string_view::npos) {
        text.remove_prefix(file + 1);
        const size_t colon = text.find(':');
        frame.file = text.substr(0, colon);
        for (const char c : text.substr(colon + 1)) frame.line = frame.line * 10 + (c - '0');
      }
    }
    return machine_.places.add({&frame, 1});
  }

  machine::Machine& machine_;
};

}  // namespace oc::test
