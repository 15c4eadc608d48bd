#include "session/rule_tables.h"

#include <utility>

namespace oc::session {

const unwind::RuleTable* RuleTables::find(process::ModuleId module) {
  const std::lock_guard lock(mutex_);
  Entry& entry = tables_[module.value];
  if (!entry.table && ++entry.asked >= entry.next) {
    entry.next *= 2;
    entry.table = load(module);
  }
  return entry.table.get();
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
  if (!out.is_memory) out.rules = find(range->module);
  return out;
}

/// The file goes over to the table. Separate debug files are not looked for.
std::unique_ptr<unwind::RuleTable> RuleTables::load(process::ModuleId module) {
  files_.forget(module);
  kept_.give(module, files_);
  elf::File* const file = files_.find(module);
  if (file == nullptr) return nullptr;
  auto table = unwind::RuleTable::make(std::move(*file));
  return table ? std::move(*table) : nullptr;
}

}  // namespace oc::session
