#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
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
  struct Given {
    uint64_t offset = 0;
    uint64_t size_bytes = 0;
    unwind::Rule rule;
  };
  /// `module`: a path or a glob of paths, as frames have them. All at once: each call makes what was found before void.
  void add(const std::string& module, std::vector<Given> rules);
  /// Null: none of this module. Owned by the object; it does not change, until forget_old.
  const unwind::GivenRules* find(process::ModuleId module, std::string_view path);
  /// Another one whenever rules were added: what was found before may be found differently.
  uint32_t version() const { return version_.load(std::memory_order_acquire); }
  /// Frees what was found of older versions. Nobody uses it: neither now nor, without a look at version(), later.
  void forget_old();
  /// Kept of older versions.
  size_t old() const { return old_.size(); }

 private:
  struct List {
    std::string module;
    std::vector<Given> rules;
  };
  struct Found {
    uint32_t version = 0;
    size_t lists = 0;  ///< that it was made of
    std::unique_ptr<unwind::GivenRules> rules;
  };

  std::atomic<uint32_t> version_{0};
  std::mutex mutex_;
  std::vector<List> lists_;
  std::unordered_map<uint32_t, Found> by_module_;
  std::vector<std::unique_ptr<unwind::GivenRules>> old_;  ///< may be in use
};

}  // namespace oc::session
