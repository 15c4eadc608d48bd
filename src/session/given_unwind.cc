#include "session/given_unwind.h"

#include "base/glob.h"

namespace oc::session {

void GivenUnwind::add(const std::string& module, uint64_t offset, uint64_t size_bytes,
                      const unwind::Rule& rule) {
  const std::lock_guard lock(mutex_);
  given_.push_back({module, offset, size_bytes, rule});
  version_.fetch_add(1, std::memory_order_release);
}

const unwind::GivenRules* GivenUnwind::find(process::ModuleId module, std::string_view path) {
  if (version() == 0) return nullptr;
  const std::lock_guard lock(mutex_);
  Found& found = by_module_[module.value];
  const uint32_t now = version();
  if (found.version == now) return found.rules;
  unwind::GivenRules rules;
  const std::string name(path);
  for (const Given& given : given_) {
    if (base::glob_matches(given.module, name))
      rules.add(given.offset, given.size_bytes, given.rule);
  }
  found = {now, rules.is_empty() ? nullptr : &made_.emplace_back(std::move(rules))};
  return found.rules;
}

}  // namespace oc::session
