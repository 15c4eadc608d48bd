#include "session/rule_tables.h"

#include <utility>

namespace oc::session {

const unwind::RuleTable* RuleTables::find(process::ModuleId module) {
  const std::lock_guard lock(mutex_);
  const auto [entry, is_new] = tables_.try_emplace(module.value);
  if (is_new) entry->second = load(module);
  return entry->second.get();
}

/// The file goes over to the table. Separate debug files are only opened where the file itself has no rules.
std::unique_ptr<unwind::RuleTable> RuleTables::load(process::ModuleId module) {
  kept_.give(module, files_);
  elf::File* const file = files_.find(module);
  if (file == nullptr) return nullptr;
  auto table = unwind::RuleTable::make(std::move(*file));
  return table ? std::move(*table) : nullptr;
}

}  // namespace oc::session
