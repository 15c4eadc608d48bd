#include "symbol/module_names.h"

#include <elf.h>

#include "symbol/demangle.h"

namespace oc::symbol {

uint32_t TextIndex::name(std::string_view mangled) {
  if (mangled.empty()) return Findings::kNoName;
  const auto [at, is_new] =
      names_.try_emplace(mangled, static_cast<uint32_t>(findings_.names.size()));
  if (is_new) {
    findings_.names.push_back(
        {demangle(mangled, NameForm::kShort), demangle(mangled, NameForm::kFull)});
  }
  return at->second;
}

uint32_t TextIndex::file(std::string_view path) {
  if (path.empty()) return Findings::kNoName;
  const auto [at, is_new] = files_.try_emplace(path, static_cast<uint32_t>(findings_.files.size()));
  if (is_new) findings_.files.emplace_back(path);
  return at->second;
}

const SymbolTable& ModuleNames::table() {
  if (is_loaded_) return table_;
  is_loaded_ = true;
  table_ = SymbolTable(files_.file.get(), files_.debug.get(), files_.mini.get());
  if (!with_lines_) return table_;
  for (elf::File* const file : {files_.debug.get(), files_.file.get()}) {
    if (file == nullptr || !LineIndex::has_lines(*file)) continue;
    lines_ = std::make_unique<LineIndex>(*file, files_.alt.get());
    break;
  }
  return table_;
}

LineIndex* ModuleNames::lines() {
  table();
  return lines_.get();
}

/// What a row of look-ups shares.
class ModuleNames::Lookup {
 public:
  Lookup(const SymbolTable& table, Findings& found) : walk(table), findings(found), texts(found) {}
  SymbolTable::Walk walk;
  Findings& findings;
  TextIndex texts;
  std::vector<SourceCall> calls;
};

void ModuleNames::find_one(std::optional<uint64_t> address, bool is_return, Lookup& lookup) {
  Findings::Place place;
  place.first_step = static_cast<uint32_t>(lookup.findings.steps.size());
  if (address) {
    if (const auto* symbol = lookup.walk.find(*address)) {
      place.name = lookup.texts.name(table_.name(*symbol));
      place.source = symbol->source;
      place.offset = *address + (is_return ? 1 : 0) - symbol->start;
    }
    lookup.calls.clear();
    if (lines_) lines_->find(*address, lookup.calls);
    for (const SourceCall& call : lookup.calls) {
      lookup.findings.steps.push_back(
          {lookup.texts.name(call.function), lookup.texts.file(call.file), call.line});
    }
    place.steps = static_cast<uint32_t>(lookup.calls.size());
  }
  lookup.findings.places.push_back(place);
}

void ModuleNames::find(std::span<const Query> queries, Findings& findings) {
  Lookup lookup(table(), findings);
  const elf::File* const file = files_.file.get();
  for (const Query& query : queries) {
    const bool is_return = query.is_return && query.offset != 0;
    const uint64_t offset = query.offset - (is_return ? 1 : 0);
    std::optional<uint64_t> address;
    if (file != nullptr) address = file->type() == ET_REL ? offset : file->find_address(offset);
    find_one(address, is_return, lookup);
  }
}

void ModuleNames::find_addresses(std::span<const uint64_t> addresses, Findings& findings) {
  Lookup lookup(table(), findings);
  for (const uint64_t address : addresses) find_one(address, false, lookup);
}

}  // namespace oc::symbol
