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
  if (given_ != nullptr)
    out.given = given_->find(range->module, files_.modules().path(range->module));
  if (!out.is_memory) out.rules = find(range->module);
  return out;
}

/// The file goes over to the table. Its debug file is looked for when code without rules is met.
std::unique_ptr<unwind::RuleTable> RuleTables::load(process::ModuleId module) {
  files_.forget(module);
  elf::File* const file = files_.find(module);
  if (file == nullptr) return nullptr;
  auto table =
      unwind::RuleTable::make(std::move(*file), [this, module] { return load_debug(module); });
  return table ? std::move(*table) : nullptr;
}

std::optional<elf::File> RuleTables::load_debug(process::ModuleId module) {
  const std::lock_guard lock(mutex_);
  files_.forget(module);  // its file is the table's
  auto debug = files_.take_debug(module);
  files_.forget(module);
  return debug;
}

}  // namespace oc::session
