#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"

namespace oc::symbol {

/// Which kernel a trace ran on, as far as the trace tells.
struct KernelIdentity {
  std::vector<uint8_t> build_id;       ///< empty: not told
  std::string release;                 ///< "6.1.0-18-amd64"; "": not told
  uint64_t text_start = 0;             ///< the address of `text_symbol` in that boot; 0: not told
  std::string text_symbol = "_stext";  ///< or "_text"
  std::string kallsyms;                ///< the trace's own copy; "": it has none
};

/// Names of a kernel and its modules. BPF programs and trampolines come and go: each is a module of its own (ModuleKind::kBpf),
/// whose name its record tells.
///
/// Of the running kernel from /proc/kallsyms, of another one from what the trace carries or lies in a folder by
/// build id; never from the running one when it is not that of the trace. Parsed once and kept in a file by build id
/// and address of the text, so a relocated kernel (KASLR) or another one never meets a stale table. One thread.
class KernelSymbols {
 public:
  struct Settings {
    std::string cache;  ///< folder of the kept tables; "": none is kept
    std::string proc = "/proc";
    std::string notes = "/sys/kernel/notes";
    std::vector<std::string> archives;  ///< of vmlinux, by build id
    std::string boot = "/boot";
    std::string release;  ///< of the running kernel; "": as uname tells
    bool may_be_running =
        true;  ///< false: the running kernel is not asked, whatever the trace says
  };
  explicit KernelSymbols(Settings settings);
  ~KernelSymbols();

  /// The kernel of the trace; without it, the running one. Before the first look-up.
  void use(KernelIdentity identity);

  struct Found {
    std::string_view name;    ///< "": nothing there. Owned by the object.
    std::string_view module;  ///< "": the kernel itself
    uint64_t start = 0;
  };
  Found find(uint64_t address);

  /// Why there are no names, with the command that mends it; "" when there are.
  const std::string& reason();
  /// How many names, and whence: "/proc/kallsyms", "…/kallsyms kept by oc", the trace.
  size_t size();
  const std::string& origin();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace oc::symbol
