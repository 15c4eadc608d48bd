#include "session/given_unwind.h"

#include <utility>

#include "base/glob.h"

namespace oc::session {

void GivenUnwind::add(const std::string& module, std::vector<Given> rules) {
  if (rules.empty()) return;
  const std::lock_guard lock(mutex_);
  lists_.push_back({module, std::move(rules)});
  version_.fetch_add(1, std::memory_order_release);
}

const unwind::GivenRules* GivenUnwind::find(process::ModuleId module, std::string_view path) {
  if (version() == 0) return nullptr;
  const std::lock_guard lock(mutex_);
  Found& found = by_module_[module.value];
  const uint32_t now = version();
  if (found.version == now) return found.rules.get();
  const std::string name(path);
  std::unique_ptr<unwind::GivenRules> made;
  for (; found.lists < lists_.size(); ++found.lists) {  // a later rule goes before the others
    const List& list = lists_[found.lists];
    if (!base::glob_matches(list.module, name)) continue;
    if (!made) {
      made = found.rules ? std::make_unique<unwind::GivenRules>(*found.rules)
                         : std::make_unique<unwind::GivenRules>();
    }
    for (const Given& given : list.rules) made->add(given.offset, given.size_bytes, given.rule);
  }
  found.version = now;
  if (!made) return found.rules.get();  // nothing new of this one
  if (found.rules) old_.push_back(std::move(found.rules));
  found.rules = std::move(made);
  return found.rules.get();
}

void GivenUnwind::forget_old() {
  if (version() == 0) return;
  const std::lock_guard lock(mutex_);
  old_.clear();
}

}  // namespace oc::session
