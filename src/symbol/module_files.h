#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/fd.h"
#include "elf/file.h"
#include "process/module_table.h"
#include "symbol/split_dwarf.h"

namespace oc::symbol {

class Debuginfod;

/// Where the files of modules are looked for, in this order within each kind. Folders that do not exist cost one
/// look each.
struct Places {
  std::string root;  ///< --symfs: every path of a module lies below it, and no process is asked
  std::vector<std::string>
      archives;  ///< by build id, as perf lays out ~/.debug: DIR/.build-id/xx/yyy…/elf
  std::vector<std::string> debug_folders{"/usr/lib/debug"};  ///< of separate debug files
  std::string proc = "/proc";
  bool is_this_machine = true;       ///< the processes of the trace ran here: their roots are asked
  Debuginfod* debuginfod = nullptr;  ///< asked last, by build id; null: nobody asked for that
  std::string archive;  ///< of a self-contained trace: its name; nothing else is looked at

  /// The usual ones of this user: $XDG_CACHE_HOME/oc and ~/.debug behind the given archives.
  static Places make_default(std::vector<std::string> archives = {});
  /// Those of a self-contained trace of this name that was unpacked into `folder`: DIR/.build-id by build id, below DIR/root
  /// by path, DIR/perf-PID.map, DIR/dumps/PID/….
  static Places make_of_archive(std::string archive, const std::string& folder);
};

/// $XDG_CACHE_HOME/oc, else ~/.cache/oc; "" when neither is known.
std::string default_cache_folder();

/// What was found for one module.
struct ModuleFile {
  std::unique_ptr<elf::File> file;   ///< the program or library itself, or null
  std::unique_ptr<elf::File> debug;  ///< its separate debug file, or null
  std::unique_ptr<elf::File> alt;    ///< what both refer to, made by dwz, or null
  SplitPlaces split;                 ///< where the other halves of its units are
  std::unique_ptr<elf::File> mini;   ///< decompressed .gnu_debugdata, or null
  /// Why `file` is null, in words: "deleted", "build id is … and the trace's …".
  std::string reason;
  /// Of the debug file: where it was looked for, and why what lay there was refused.
  std::vector<std::string> tried;
  bool is_verified = false;  ///< the build id of the trace and of the file are the same
};

/// Which files on this machine the modules of a trace are.
///
/// A file is used only when its build id is the trace's, where the trace has one: a replaced program is refused,
/// and its reason says so. Files are opened when asked for, once. One thread; the files that it hands out
/// belong to one thread at a time as well (see elf::File).
class ModuleFiles {
 public:
  /// `modules` may grow meanwhile.
  ModuleFiles(const process::ModuleTable& modules, Places places);
  ~ModuleFiles();

  /// An open descriptor of the module's file, from when it was mapped: it is read even when the file has been deleted
  /// or its process has gone.
  void keep(process::ModuleId module, base::Fd fd);
  /// Asked for such a descriptor when a file is about to be looked for.
  using Lender = std::function<base::Fd(const process::Module& module)>;
  void set_lender(Lender lender) { lender_ = std::move(lender); }

  /// The file that holds the module's code and unwind tables; null when there is none: `load` says why. For modules
  /// of kind kFile, kVdso (its image, from this process) and kKernelModule.
  elf::File* find(process::ModuleId module) { return load(module, false).file.get(); }
  /// The same with the reason, and with the debug files when asked for. Owned by the object.
  const ModuleFile& load(process::ModuleId module, bool with_debug = true);

  /// Its separate debug file alone, which goes over to the caller; nothing: there is none.
  std::optional<elf::File> take_debug(process::ModuleId module);
  /// What was found for it, or not: the next one who asks looks again. Nobody has its files any more.
  void forget(process::ModuleId module);

  const process::ModuleTable& modules() const { return modules_; }
  const Places& places() const { return places_; }

 private:
  struct Entry;
  Entry& entry(process::ModuleId module);

  const process::ModuleTable& modules_;
  Places places_;
  Lender lender_;
  std::unordered_map<uint32_t, std::unique_ptr<Entry>> entries_;
};

}  // namespace oc::symbol
