#include "symbol/module_files.h"

#include <cstdlib>

#include "elf/debug_data.h"
#include "symbol/build_id_path.h"
#include "symbol/file_search.h"

namespace oc::symbol {

using process::Module;
using process::ModuleId;
using process::ModuleKind;

struct ModuleFiles::Entry {
  ModuleFile found;
  base::Fd kept;
  bool is_loaded = false;
  bool has_debug = false;
};

std::string default_cache_folder() {
  const char* const cache = std::getenv("XDG_CACHE_HOME");
  if (cache != nullptr && cache[0] == '/') return std::string(cache) + "/oc";
  const char* const home = std::getenv("HOME");
  return home != nullptr && home[0] == '/' ? std::string(home) + "/.cache/oc" : std::string();
}

Places Places::make_default(std::vector<std::string> archives) {
  Places places;
  places.archives = std::move(archives);
  if (const auto cache = default_cache_folder(); !cache.empty()) places.archives.push_back(cache);
  const char* const home = std::getenv("HOME");
  if (home != nullptr && home[0] == '/') places.archives.push_back(std::string(home) + "/.debug");
  return places;
}

Places Places::make_of_archive(std::string archive, const std::string& folder) {
  Places places;
  places.root = folder + "/root";
  places.archives = {folder};
  places.is_this_machine = false;
  places.archive = std::move(archive);
  return places;
}

ModuleFiles::ModuleFiles(const process::ModuleTable& modules, Places places)
    : modules_(modules), places_(std::move(places)) {}

ModuleFiles::~ModuleFiles() = default;

ModuleFiles::Entry& ModuleFiles::entry(ModuleId module) {
  auto& slot = entries_[module.value];
  if (!slot) slot = std::make_unique<Entry>();
  return *slot;
}

void ModuleFiles::keep(ModuleId module, base::Fd fd) { entry(module).kept = std::move(fd); }

std::optional<elf::File> ModuleFiles::take_debug(ModuleId id) {
  const ModuleFile& found = load(id, false);
  if (!found.file) return std::nullopt;
  FileSearch search(places_, modules_.find(id), std::string(modules_.path(id)));
  auto debug = search.find_debug(*found.file);
  return debug ? std::optional(std::move(*debug)) : std::nullopt;
}

void ModuleFiles::forget(ModuleId module) { entries_.erase(module.value); }

const ModuleFile& ModuleFiles::load(ModuleId id, bool with_debug) {
  Entry& entry = this->entry(id);
  ModuleFile& found = entry.found;
  const Module& module = modules_.find(id);
  const bool has_file = module.kind == ModuleKind::kFile || module.kind == ModuleKind::kVdso ||
                        module.kind == ModuleKind::kKernelModule;
  if (!entry.is_loaded) {
    entry.is_loaded = true;
    if (!has_file) {
      found.reason = "it is no file";
      return found;
    }
    FileSearch search(places_, module, std::string(modules_.path(id)));
    if (!entry.kept && lender_) entry.kept = lender_(module);
    found.file = search.find_file(entry.kept.number());
    found.reason = found.file ? "" : search.reason;
    found.is_verified = search.is_verified;
    entry.kept.close();
  }
  if (!with_debug || entry.has_debug || !has_file) return found;
  entry.has_debug = true;
  FileSearch search(places_, module, std::string(modules_.path(id)));
  if (found.file) {
    found.debug = search.find_debug(*found.file);
    if (auto mini = elf::load_mini_debug(*found.file); !mini) {
      search.tried.push_back(mini.error().what);
    } else if (*mini) {
      found.mini = std::make_unique<elf::File>(std::move(**mini));
    }
  } else if (module.build_id) {
    found.debug = search.find_debug_by_id(module.build_id.view());
  }
  found.split.root = places_.root;
  for (const elf::File* const file : {found.file.get(), found.debug.get()}) {
    if (file == nullptr) continue;
    found.split.packages.push_back(file->name() + ".dwp");
    const auto id = file->build_id();
    for (const std::string& archive : places_.archives) {
      if (id.size() >= 2) found.split.packages.push_back(build_id_path(archive, id) + "/dwp");
    }
  }
  if (elf::File* const holder = found.debug ? found.debug.get() : found.file.get())
    found.alt = search.find_alt(*holder);
  found.tried = std::move(search.tried);
  return found;
}

}  // namespace oc::symbol
