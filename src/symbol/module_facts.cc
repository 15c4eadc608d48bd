#include "symbol/module_facts.h"

#include <fmt/format.h>

#include "symbol/jit_files.h"
#include "symbol/kernel_symbols.h"
#include "symbol/line_index.h"
#include "symbol/symbol_table.h"

namespace oc::symbol {

using process::Module;
using process::ModuleId;
using process::ModuleKind;

namespace {

/// "…/.build-id/…" of an unpacked archive is of no use to anybody: what it is called in there.
std::string shown(const Places& places, const std::string& path) {
  if (places.archive.empty() || places.archives.empty()) return path;
  const std::string folder = places.archives.front() + "/";
  if (!path.starts_with(folder)) return path;
  return places.archive + ":" + path.substr(folder.size());
}

void add_kernel(KernelSymbols& kernel, ModuleFacts& facts) {
  facts.symbols = kernel.size();
  facts.reason = kernel.reason();
  facts.origin = kernel.origin();
  if (facts.symbols != 0) facts.names = NameSource::kKallsyms;
  facts.no_lines = "lines of the kernel and its modules are not looked for";
}

void add_memory(ModuleFiles& files, ModuleId id, ModuleFacts& facts) {
  const Module& module = files.modules().find(id);
  const JitNames names =
      load_jit_names(files.places(), module.pid, find_dumps(files.modules(), module.pid));
  facts.reason = names.map || names.dump ? "" : names.reason;
  facts.no_lines = "a perf map tells no lines";
  if (names.map) {
    facts.names = NameSource::kPerfMap;
    facts.symbols = names.map->size();
    facts.origin = fmt::format("perf-{}.map", module.pid);
  }
  if (!names.dump) return;
  facts.names = NameSource::kJit;
  facts.symbols += names.dump->size();
  facts.origin = "jitdump";
  facts.has_lines = true;
  facts.no_lines.clear();
}

void add_names(const ModuleFile& found, ModuleFacts& facts) {
  const SymbolTable table(found.file.get(), found.debug.get(), found.mini.get());
  facts.symbols = table.symbols().size();
  size_t most = 0;
  for (uint32_t i = 0; i < kNameSources; ++i) {
    const auto source = static_cast<NameSource>(i);
    if (table.count(source) <= most) continue;
    most = table.count(source);
    facts.names = source;
  }
  const bool is_stripped =
      table.count(NameSource::kSymtab) + table.count(NameSource::kDebugFile) == 0;
  if (facts.symbols == 0) {
    facts.reason = "it has no symbols, and no debug file was found";
  } else if (is_stripped && !found.debug) {
    facts.reason = "it is stripped, and no debug file was found";
  }
}

void add_lines(const ModuleFile& found, ModuleFacts& facts) {
  for (const elf::File* const file : {found.debug.get(), found.file.get()})
    facts.has_lines = facts.has_lines || (file != nullptr && LineIndex::has_lines(*file));
  if (facts.has_lines) return;
  facts.no_lines = found.debug ? "neither it nor its debug file has .debug_info"
                               : "it has no .debug_info, and no debug file was found";
}

}  // namespace

ModuleFacts describe_module(ModuleFiles& files, KernelSymbols& kernel, ModuleId id) {
  ModuleFacts facts;
  switch (files.modules().find(id).kind) {
    case ModuleKind::kKernel:
    case ModuleKind::kKernelModule:
      add_kernel(kernel, facts);
      facts.origin = shown(files.places(), facts.origin);
      return facts;
    case ModuleKind::kBpf:
      facts.names = NameSource::kBpf;
      facts.symbols = 1;
      facts.no_lines = "lines of BPF programs are not looked for";
      return facts;
    case ModuleKind::kMemory:
      add_memory(files, id, facts);
      return facts;
    case ModuleKind::kNone:
      facts.reason = facts.no_lines = "nothing was mapped there";
      return facts;
    case ModuleKind::kFile:
    case ModuleKind::kVdso:
      break;
  }
  const ModuleFile& found = files.load(id);
  facts.is_verified = found.is_verified;
  facts.tried = found.tried;
  if (found.debug) facts.debug = shown(files.places(), found.debug->name());
  if (!found.file) {
    facts.reason = facts.no_lines = found.reason;
    return facts;
  }
  facts.file = shown(files.places(), found.file->name());
  add_names(found, facts);
  add_lines(found, facts);
  return facts;
}

}  // namespace oc::symbol
