#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "process/module_table.h"
#include "unwind/given_rules.h"

namespace oc::session {

/// The unwind rules that a script gives, by the path of their module. Any thread adds and asks.
class GivenUnwind {
 public:
  /// `module`: a path or a glob of paths, as frames have them.
  void add(const std::string& module, uint64_t offset, uint64_t size_bytes,
           const unwind::Rule& rule);
  /// Null: none of this module. Owned by the object, and never changed.
  const unwind::GivenRules* find(process::ModuleId module, std::string_view path);
  /// Another one whenever rules were added: what was found before may be found differently.
  uint32_t version() const { return version_.load(std::memory_order_acquire); }

 private:
  struct Given {
    std::string module;
    uint64_t offset;
    uint64_t size_bytes;
    unwind::Rule rule;
  };
  struct Found {
    uint32_t version = 0;
    const unwind::GivenRules* rules = nullptr;
  };

  std::atomic<uint32_t> version_{0};
  std::mutex mutex_;
  std::vector<Given> given_;
  std::unordered_map<uint32_t, Found> by_module_;
  std::deque<unwind::GivenRules> made_;  ///< also those of older versions, which may be in use
};

}  // namespace oc::session
