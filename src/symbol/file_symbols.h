#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/interner.h"
#include "base/result.h"
#include "symbol/module_files.h"
#include "symbol/module_names.h"

namespace oc::symbol {

/// One program, library or debug file by itself, as `oc symbols FILE` looks into it. One thread.
class FileSymbols {
 public:
  /// Errors: absent, unreadable, no ELF file.
  static base::Result<std::unique_ptr<FileSymbols>> open(const std::string& path, Places places);

  const ModuleFile& files() const { return *found_; }
  const SymbolTable& table() { return names_->table(); }
  LineIndex* lines() { return names_->lines(); }
  void find(std::span<const uint64_t> addresses, Findings& findings) {
    names_->find_addresses(addresses, findings);
  }
  /// Indices of symbols whose name, as it is or demangled in either form, is this, or matches it as a glob.
  std::vector<uint32_t> search(const std::string& pattern);
  /// Who typed a name that is not there may have meant these: that contain it, or nearly are it; at most three.
  std::vector<std::string> find_near(const std::string& name);
  /// Where an address lies of which neither a symbol nor a line tells: "between a, which ends at 0x12, and b at 0x20".
  std::string describe_gap(uint64_t address);

 private:
  FileSymbols() : modules_(strings_) {}

  base::Interner strings_;
  process::ModuleTable modules_;
  std::unique_ptr<ModuleFiles> files_;
  const ModuleFile* found_ = nullptr;
  std::unique_ptr<ModuleNames> names_;
};

}  // namespace oc::symbol
