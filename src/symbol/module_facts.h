#pragma once

#include <string>
#include <vector>

#include "symbol/module_files.h"
#include "symbol/name_source.h"

namespace oc::symbol {

class KernelSymbols;

/// Where the names and lines of one module come from, and why there are none.
struct ModuleFacts {
  std::string file;                      ///< the program or library that was opened; "": none
  std::string debug;                     ///< its separate debug file; "": none
  NameSource names = NameSource::kNone;  ///< who tells most of them
  size_t symbols = 0;
  std::string origin;  ///< of names of no file: "/proc/kallsyms", "/tmp/perf-12.map"
  std::string reason;  ///< why there are no names, or few; "" where there are
  bool has_lines = false;
  std::string no_lines;            ///< why not
  std::vector<std::string> tried;  ///< places of debug files, and why what lay there was refused
  bool is_verified = false;        ///< the trace's build id and the file's are the same
};

/// Opens the module's files. `kernel` is that of the trace.
ModuleFacts describe_module(ModuleFiles& files, KernelSymbols& kernel, process::ModuleId module);

}  // namespace oc::symbol
