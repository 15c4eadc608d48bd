#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "process/address_spaces.h"
#include "process/module_table.h"
#include "session/given_unwind.h"
#include "session/kept_files.h"
#include "symbol/module_files.h"
#include "unwind/code_finder.h"
#include "unwind/rule_table.h"

namespace oc::session {

/// The unwind rules of each module, read when somebody asks. Any thread.
class RuleTables {
 public:
  /// `given`: rules that go before those of files, or null.
  RuleTables(const process::ModuleTable& modules, symbol::Places places, const KeptFiles& kept,
             GivenUnwind* given = nullptr)
      : files_(modules, std::move(places)), given_(given) {
    files_.set_lender([&kept](const process::Module& module) { return kept.lend(module); });
  }

  /// Null: its file cannot be had. Owned by the object.
  const unwind::RuleTable* find(process::ModuleId module);
  /// The code of `map` at a live address, as the unwinder asks for it, with the module's id as its note; none: nothing is mapped
  /// there.
  std::optional<unwind::CodeRange> find_range(const process::CodeMap& map, uint64_t address);
  /// Another number: rules were added since, and answers may be others.
  uint32_t version() const { return given_ != nullptr ? given_->version() : 0; }
  /// As GivenUnwind::forget_old.
  void forget_old() {
    if (given_ != nullptr) given_->forget_old();
  }
  /// Modules that were asked for.
  size_t size() const { return tables_.size(); }

 private:
  /// What came of a module's file. One that could not be had is looked for again, less and less often: its process may have
  /// been about to mount it, or another one keeps it open since.
  struct Entry {
    std::unique_ptr<unwind::RuleTable> table;
    uint64_t asked = 0;
    uint64_t next = 1;  ///< to be looked for when it is asked for so many times
  };
  std::unique_ptr<unwind::RuleTable> load(process::ModuleId module);
  std::optional<elf::File> load_debug(process::ModuleId module);

  std::mutex mutex_;
  symbol::ModuleFiles files_;  ///< of its own: those of the symbolizer belong to another thread
  GivenUnwind* given_;
  std::unordered_map<uint32_t, Entry> tables_;
};

}  // namespace oc::session
