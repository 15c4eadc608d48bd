// Names of frames, one a line of standard input, as room symbol tells them; for the tests that compare these with perf:
//   kernel ADDRESS          file PATH OFFSET          memory PID ADDRESS [TIME]
// in hex; `dump PID PATH` says that the process mapped this jitdump. Printed: NAME+0xOFFSET, tab, SOURCE, tab, FILE:LINE of the innermost call. `frame_names --time` says on stderr
// how long the look-ups took.

#include <fmt/format.h>

#include <chrono>
#include <iostream>
#include <sstream>
#include <string>

#include "symbol/kernel_symbols.h"
#include "symbol/symbolizer.h"

using namespace oc;

namespace {

struct Asked {
  process::FrameId frame;
  base::Nanos time = ~base::Nanos{0};
};

Asked read(const std::string& line, base::Interner& strings, process::ModuleTable& modules,
           process::FrameTable& frames) {
  std::istringstream words(line);
  std::string kind, path;
  process::Module module;
  process::Frame frame;
  Asked asked;
  words >> kind;
  if (kind == "kernel") module.kind = process::ModuleKind::kKernel;
  if (kind == "memory" || kind == "dump") {
    module.kind = process::ModuleKind::kMemory;
    words >> std::dec >> module.pid;
  }
  if (kind == "file" || kind == "dump") {
    module.kind = process::ModuleKind::kFile;
    words >> path;
    module.path = strings.intern(path);
  }
  words >> std::hex >> frame.offset;
  if (words >> std::dec >> asked.time) {
  } else {
    asked.time = ~base::Nanos{0};
  }
  frame.module = modules.intern(module);
  asked.frame = frames.intern(frame);
  return asked;
}

}  // namespace

int main(int argc, char** argv) {
  const bool is_timed = argc > 1 && std::string(argv[1]) == "--time";
  base::Interner strings;
  process::ModuleTable modules(strings);
  process::FrameTable frames;
  std::vector<Asked> asked;
  for (std::string line; std::getline(std::cin, line);) {
    const Asked one = read(line, strings, modules, frames);
    if (!line.starts_with("dump ")) asked.push_back(one);
  }
  symbol::ModuleFiles files(modules, symbol::Places::make_default());
  symbol::Settings settings;
  settings.lines = std::getenv("OC_NAMES_ONLY") == nullptr;
  symbol::Symbolizer symbolizer(frames, files, settings);
  std::vector<process::FrameId> ids;
  for (const Asked& one : asked) ids.push_back(one.frame);
  const auto begin = std::chrono::steady_clock::now();
  symbolizer.resolve(ids);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  for (const Asked& one : asked) {
    const auto& resolved = symbolizer.find_at(one.frame, one.time);
    const auto calls = symbolizer.calls(resolved);
    std::string name = "[unknown]";
    if (resolved.function)
      name = fmt::format("{}+{:#x}", symbolizer.text(resolved.function), resolved.offset);
    fmt::print("{}\t{}\t{}:{}\n", name, text_of(resolved.source),
               calls.empty() ? "" : symbolizer.text(calls[0].file),
               calls.empty() ? 0 : calls[0].line);
  }
  if (is_timed)
    fmt::print(stderr, "{} frames, {} distinct: {:.6f} s\n", asked.size(), frames.size(),
               took.count());
  return 0;
}
