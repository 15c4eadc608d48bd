#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/block_list.h"
#include "base/interner.h"
#include "process/frame_table.h"
#include "symbol/module_files.h"
#include "symbol/name_source.h"

namespace oc::symbol {

/// A function call that a compiler put into another function's code, or the function itself: a line in the source.
struct Call {
  base::StringId
      function;  ///< as `Resolved::function`; of the last one DWARF's own name, where it has one
  base::StringId full_name;  ///< as `Resolved::full_name`
  base::StringId file;       ///< 0: not known
  uint32_t line = 0;         ///< 0: not known; where in `function` it goes on
};

/// What is at a frame's place. Texts are ids of Symbolizer::names().
struct Resolved {
  base::StringId
      function;  ///< whose code it is, demangled without parameters as perf prints it; 0: not known
  base::StringId full_name;  ///< demangled with parameters, as addr2line -C prints it
  uint64_t offset = 0;  ///< from the function's start to the frame's address (not the byte before)
  uint32_t first_call = 0;  ///< of `Symbolizer::calls`
  uint16_t calls = 0;       ///< 0: no line information; the last one is `function` itself
  NameSource source = NameSource::kNone;
};

struct Settings {
  bool lines = true;     ///< file, line and inlined calls; without, only names: much quicker
  uint32_t threads = 0;  ///< 0: one per CPU
  std::string cache;     ///< folder of the kernel's symbols; "": $XDG_CACHE_HOME/oc or ~/.cache/oc
  bool use_cache = true;
  bool tells_code =
      false;  ///< Module::code is told from the moment on from which an address had several functions
};

class EarlyJobs;
class KernelSymbols;
struct Findings;
class TextIndex;

/// A function that somebody else names.
struct GivenSymbol {
  uint64_t offset = 0;  ///< as in process::Frame of that kind of module
  uint64_t size_bytes = 0;
  std::string_view name;
};

/// Names, files and lines of frames: each distinct frame is looked up once.
///
///     resolve(frames) ─ those not known ─ by module ─ one job per module, on all CPUs ─ sorted offsets merged
///                                                      with the symbol table and the line index ─ interned
///
/// One thread calls it; it starts threads of its own for large calls. It never fails: what is not found has no name
/// and its module a reason.
class Symbolizer {
 public:
  /// `frames` may grow meanwhile, as FrameTable allows.
  Symbolizer(const process::FrameTable& frames, ModuleFiles& files, Settings settings = {});
  ~Symbolizer();

  /// Frames of these modules will be asked for soon: what their tables need is begun on another thread, while this one does
  /// something else. Once; calls that need the tables wait for it. `with_kernel`: of the kernel all is told.
  void expect(std::span<const process::ModuleId> modules, bool with_kernel);
  /// Waits for what `expect` began, before anybody else touches the files.
  void settle() {
    if (early_) finish_early();
  }
  /// Looks up what is new among these. Id 0 is left out.
  void resolve(std::span<const process::FrameId> frames);
  /// The result of one frame, resolved now when it was not. Owned by the object; entries never move.
  const Resolved& find(process::FrameId frame);
  /// The same at a moment of the trace: compiled code comes and goes, and an address is used again. Of other modules,
  /// as find().
  const Resolved& find_at(process::FrameId frame, base::Nanos time);
  /// The functions at that place, from the innermost inlined one to the function itself. Lent: until the next look-up.
  std::span<const Call> calls(const Resolved& resolved) const;

  /// Of functions and source files. Only this object interns.
  const base::Interner& names() const { return names_; }
  std::string_view text(base::StringId id) const { return names_.text(id); }
  /// As perf shows a module: its path, "[kernel.kallsyms]", "[name]" of kernel modules, "[vdso]", "[unknown]".
  std::string_view module_name(process::ModuleId module) const;
  /// Why frames of this module have no names; "" where they have.
  std::string reason(process::ModuleId module);
  /// Why this frame has no function or, in a file, no line; "" where it has both.
  std::string reason(process::FrameId frame);

  /// These names, all that are given for this module, win over all others, for frames that are resolved afterwards. From Lua, or
  /// another symbol source.
  void add_symbols(process::ModuleId module, std::span<const GivenSymbol> symbols);
  /// The kernel's names: tell it of another machine's kernel.
  KernelSymbols& kernel();

 private:
  struct Work;
  struct Group;

  void finish_early();
  std::vector<uint32_t> find_fresh(std::span<const process::FrameId> ids) const;
  uint32_t add(const Findings& findings, uint32_t place);
  void find_elsewhere(const process::Frame& frame, Findings& findings, TextIndex& texts);
  void find_in_files(std::vector<Group>& groups);
  void load_tables(std::vector<Group>& groups, uint32_t threads,
                   const std::function<void()>& first);
  void split(std::vector<Group>& groups);

  const process::FrameTable& frames_;
  ModuleFiles& files_;
  std::unique_ptr<Work> work_;
  std::unique_ptr<EarlyJobs> early_;  ///< until it is waited for; ends before `work_`
  base::Interner names_;
  base::BlockList<Resolved> resolved_;
  std::vector<Call> calls_;
  std::vector<uint32_t> slots_;  ///< by frame id: 1 + index in resolved_; 0: not yet
  std::unordered_map<uint64_t, uint32_t>
      timed_;  ///< by frame and what was there at the time: likewise
};

}  // namespace oc::symbol
