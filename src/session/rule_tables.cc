#include "session/rule_tables.h"

#include <utility>

namespace oc::session {

const unwind::RuleTable* RuleTables::find(process::ModuleId module) {
  const std::lock_guard lock(mutex_);
  const auto [entry, is_new] = tables_.try_emplace(module.value);
  if (is_new) entry->second = load(module);
  return entry->second.get();
}

std::optional<unwind::CodeRange> RuleTables::find_range(const process::CodeMap& map,
                                                        uint64_t address) {
  const process::CodeRange* const range = map.find(address);
  if (range == nullptr) return std::nullopt;
  unwind::CodeRange out;
  out.start = range->start;
  out.end = range->end;
  out.file_offset = range->offset;
  out.note = range->module.value;
  out.is_memory = files_.modules().find(range->module).kind == process::ModuleKind::kMemory;
  if (given_ != nullptr)
    out.given = given_->find(range->module, files_.modules().path(range->module));
  if (!out.is_memory) out.rules = find(range->module);
  return out;
}

/// The file goes over to the table. Separate debug files are not looked for.
std::unique_ptr<unwind::RuleTable> RuleTables::load(process::ModuleId module) {
  kept_.give(module, files_);
  elf::File* const file = files_.find(module);
  if (file == nullptr) return nullptr;
  auto table = unwind::RuleTable::make(std::move(*file));
  return table ? std::move(*table) : nullptr;
}

}  // namespace oc::session
