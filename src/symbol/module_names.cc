#include "symbol/module_names.h"

#include <elf.h>

#include "elf/plain_debug.h"
#include "symbol/demangle.h"
#include "symbol/jobs.h"

namespace oc::symbol {
namespace {

/// With its debug sections decompressed, on threads unless others did it; nothing where they are not compressed, or only
/// libdw can do it.
std::optional<elf::File> make_plain(const elf::File& file, std::optional<elf::PlainDebug>& planned,
                                    uint32_t threads) {
  if (planned) return planned->finish();
  auto plain = elf::PlainDebug::plan(file);
  if (!plain) return {};
  run_jobs(plain->parts(), threads, [&](size_t part) { plain->load(part); });
  return plain->finish();
}

}  // namespace

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

/// The file whose lines are read; null: none has any.
elf::File* ModuleNames::find_lines() const {
  for (elf::File* const file : {files_.debug.get(), files_.file.get()}) {
    if (file != nullptr && LineIndex::has_lines(*file)) return file;
  }
  return nullptr;
}

size_t ModuleNames::plan() {
  if (shared_table_ != nullptr || is_loaded_ || !with_lines_ || plan_ || alt_plan_) return 0;
  const elf::File* const file = find_lines();
  if (file == nullptr || file->type() == ET_REL) return 0;
  if (auto plan = elf::PlainDebug::plan(*file)) plan_.emplace(std::move(*plan));
  if (files_.alt) {
    if (auto plan = elf::PlainDebug::plan(*files_.alt)) alt_plan_.emplace(std::move(*plan));
  }
  return (plan_ ? plan_->parts() : 0) + (alt_plan_ ? alt_plan_->parts() : 0);
}

size_t ModuleNames::part_bytes(size_t part) const {
  const size_t own = plan_ ? plan_->parts() : 0;
  return part < own ? plan_->part_bytes(part) : alt_plan_->part_bytes(part - own);
}

void ModuleNames::load(size_t part) {
  const size_t own = plan_ ? plan_->parts() : 0;
  if (part < own) {
    plan_->load(part);
  } else {
    alt_plan_->load(part - own);
  }
}

void ModuleNames::load_symbols() {
  if (shared_table_ != nullptr || has_symbols_) return;
  has_symbols_ = true;
  table_ = SymbolTable(files_.file.get(), files_.debug.get(), files_.mini.get());
}

const SymbolTable& ModuleNames::table() {
  if (shared_table_ != nullptr) return *shared_table_;
  if (is_loaded_) return table_;
  is_loaded_ = true;
  load_symbols();
  if (with_lines_) load_lines();
  return table_;
}

void ModuleNames::load_lines() {
  for (elf::File* const file : {files_.debug.get(), files_.file.get()}) {
    if (file == nullptr || !LineIndex::has_lines(*file)) continue;
    if (file->type() == ET_REL) {
      auto relocated = elf::Relocated::make(*file);
      if (!relocated) continue;
      relocated_.emplace(std::move(*relocated));
      lines_ = std::make_unique<LineIndex>(relocated_->file(), nullptr, files_.split);
      return;
    }
    own_file_ = make_plain(*file, plan_, threads_);
    if (files_.alt) own_alt_ = make_plain(*files_.alt, alt_plan_, threads_);
    plan_.reset();
    alt_plan_.reset();
    lines_ = std::make_unique<LineIndex>(own_file_ ? *own_file_ : *file,
                                         own_alt_ ? &*own_alt_ : files_.alt.get(), files_.split);
    return;
  }
}

std::unique_ptr<ModuleNames> ModuleNames::make_second() {
  if (!lines() || relocated_) return nullptr;
  auto second = std::make_unique<ModuleNames>(files_, true);
  const bool is_debug = files_.debug && LineIndex::has_lines(*files_.debug);
  const elf::File& file = own_file_ ? *own_file_ : *(is_debug ? files_.debug : files_.file);
  second->own_file_ = file.make_second();
  if (files_.alt) second->own_alt_ = (own_alt_ ? *own_alt_ : *files_.alt).make_second();
  if (!second->own_file_ || (files_.alt && !second->own_alt_)) return nullptr;
  second->shared_table_ = &table_;
  second->lines_ = std::make_unique<LineIndex>(
      *second->own_file_, second->own_alt_ ? &*second->own_alt_ : nullptr, files_.split);
  return second;
}

bool ModuleNames::is_worth_second(std::span<const Query> queries) {
  constexpr size_t kUnitsPerRead = 8;  // that can be looked at while one is read, and more
  if (!lines()) return false;
  std::vector<bool> is_read(lines_->units());
  size_t read = 0;
  for (const Query& query : queries) {
    const auto address = address_of(query);
    const uint32_t unit = address ? lines_->unit_at(*address) : ~uint32_t{0};
    if (unit >= is_read.size() || is_read[unit]) continue;
    is_read[unit] = true;
    ++read;
  }
  return read > 1 && read * kUnitsPerRead > is_read.size();
}

uint32_t ModuleNames::lane_of(const Query& query, uint32_t lanes) {
  const auto address = address_of(query);
  if (!lines() || !address) return 0;
  return lines_->unit_at(*address) % lanes;
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
      place.name = lookup.texts.name(table().name(*symbol));
      place.source = symbol->source;
      place.offset = *address + (is_return ? 1 : 0) - symbol->start;
    }
    lookup.calls.clear();
    const auto at = relocated_ ? relocated_->find_address(*address) : address;
    if (lines_ && at) lines_->find(*at, lookup.calls);
    for (const SourceCall& call : lookup.calls) {
      lookup.findings.steps.push_back(
          {lookup.texts.name(call.function), lookup.texts.file(call.file), call.line});
    }
    place.steps = static_cast<uint32_t>(lookup.calls.size());
  }
  lookup.findings.places.push_back(place);
}

std::optional<uint64_t> ModuleNames::address_of(const Query& query) const {
  const elf::File* const file = files_.file.get();
  if (file == nullptr) return {};
  const uint64_t offset = query.offset - (query.is_return && query.offset != 0 ? 1 : 0);
  return file->type() == ET_REL ? offset : file->find_address(offset);
}

void ModuleNames::find(std::span<const Query> queries, Findings& findings) {
  Lookup lookup(table(), findings);
  for (const Query& query : queries)
    find_one(address_of(query), query.is_return && query.offset != 0, lookup);
}

void ModuleNames::find_addresses(std::span<const uint64_t> addresses, Findings& findings) {
  Lookup lookup(table(), findings);
  for (const uint64_t address : addresses) find_one(address, false, lookup);
}

}  // namespace oc::symbol
