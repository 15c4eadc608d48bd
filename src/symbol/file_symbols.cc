#include "symbol/file_symbols.h"

#include <cstdlib>

#include "base/glob.h"
#include "symbol/demangle.h"

namespace oc::symbol {

base::Result<std::unique_ptr<FileSymbols>> FileSymbols::open(const std::string& path,
                                                             Places places) {
  auto probe = elf::File::open(places.root + path);
  if (!probe) return std::move(probe.error());
  char* const real = realpath((places.root + path).c_str(), nullptr);
  std::string absolute = real != nullptr ? real : path;
  std::free(real);
  if (absolute.starts_with(places.root)) absolute = absolute.substr(places.root.size());
  auto self = std::unique_ptr<FileSymbols>(new FileSymbols);
  process::Module module;
  module.kind = process::ModuleKind::kFile;
  module.path = self->strings_.intern(absolute);
  const auto id = self->modules_.intern(module);
  self->files_ = std::make_unique<ModuleFiles>(self->modules_, std::move(places));
  self->found_ = &self->files_->load(id);
  if (!self->found_->file) return base::make_error(base::Code::kNotFound, self->found_->reason);
  self->names_ = std::make_unique<ModuleNames>(*self->found_, true);
  return self;
}

std::vector<uint32_t> FileSymbols::search(const std::string& pattern) {
  std::vector<uint32_t> found;
  const auto& table = this->table();
  for (uint32_t i = 0; i < table.symbols().size(); ++i) {
    const std::string name(table.name(table.symbols()[i]));
    if (base::glob_matches(pattern, name) ||
        base::glob_matches(pattern, demangle(name, NameForm::kShort)) ||
        base::glob_matches(pattern, demangle(name, NameForm::kFull)))
      found.push_back(i);
  }
  return found;
}

}  // namespace oc::symbol
