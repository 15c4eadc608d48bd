#include "symbol/file_symbols.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>

#include "base/glob.h"
#include "base/nearest.h"
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

std::vector<std::string> FileSymbols::find_near(const std::string& name) {
  const auto lower = [](std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
  };
  const std::string wanted = lower(name);
  std::vector<std::string> all, containing;
  const auto& table = this->table();
  for (const auto& symbol : table.symbols()) {
    std::string brief = demangle(table.name(symbol), NameForm::kShort);
    if (wanted.size() > 2 && lower(brief).find(wanted) != std::string::npos)
      containing.push_back(brief);
    const size_t scope = brief.rfind("::");
    if (scope != std::string::npos) all.push_back(brief.substr(scope + 2));
    all.push_back(std::move(brief));
  }
  constexpr size_t kMost = 3;
  std::sort(containing.begin(), containing.end(), [](const auto& a, const auto& b) {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
  });
  containing.erase(std::unique(containing.begin(), containing.end()), containing.end());
  if (containing.size() > kMost) containing.resize(kMost);
  if (!containing.empty()) return containing;
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return base::nearest(name, all, kMost);
}

std::string FileSymbols::describe_gap(uint64_t address) {
  const elf::File& file = *found_->file;
  uint64_t first = ~uint64_t{0}, last = 0;
  for (const elf::Segment& segment : file.segments()) {
    if (segment.type != PT_LOAD || (segment.flags & PF_X) == 0) continue;
    first = std::min(first, segment.address);
    last = std::max(last, segment.address + segment.memory_size);
  }
  if (first < last && (address < first || address >= last))
    return fmt::format("its code is from {:#x} to {:#x}", first, last);
  const auto symbols = table().symbols();
  if (symbols.empty()) return "it has no symbols, and no debug file was found";
  const auto after = std::upper_bound(
      symbols.begin(), symbols.end(), address,
      [](uint64_t wanted, const SymbolTable::Symbol& symbol) { return wanted < symbol.start; });
  const auto name = [&](auto at) { return demangle(table().name(*at), NameForm::kShort); };
  std::string where;
  if (after != symbols.begin()) {
    const auto before = std::prev(after);
    where = fmt::format("behind {}, which ends at {:#x}", name(before),
                        before->start + before->size_bytes);
  }
  if (after != symbols.end())
    where +=
        fmt::format("{}before {} at {:#x}", where.empty() ? "" : ", ", name(after), after->start);
  return where;
}

}  // namespace oc::symbol
