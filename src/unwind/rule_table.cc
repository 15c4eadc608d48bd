#include "unwind/rule_table.h"

#include <elf.h>

#include <utility>

#include "unwind/signal_return.h"

namespace oc::unwind {

using base::Code;
using base::make_error;

base::Result<std::unique_ptr<RuleTable>> RuleTable::make(elf::File file, LoadDebug load_debug) {
  Arch arch;
  if (file.machine() == EM_X86_64 && file.is_64()) {
    arch = Arch::kX86_64;
  } else if (file.machine() == EM_AARCH64 && file.is_64()) {
    arch = Arch::kArm64;
  } else {
    return make_error(Code::kUnsupported, file.name() + " is not for x86-64 or arm64",
                      "stacks of its code end where it is reached");
  }
  if (!file.is_native_order()) {
    return make_error(Code::kUnsupported, file.name() + " is in the other byte order",
                      "read the trace on a machine like the one that it was recorded on");
  }
  return std::unique_ptr<RuleTable>(new RuleTable(arch, std::move(file), std::move(load_debug)));
}

base::Result<std::unique_ptr<RuleTable>> RuleTable::open(const std::string& path) {
  auto file = elf::File::open(path);
  if (!file) return std::move(file.error());
  return make(std::move(*file));
}

RuleTable::RuleTable(Arch arch, elf::File file, LoadDebug load_debug)
    : file_(std::move(file)), arch_(arch), late_(std::make_unique<Late>()) {
  late_->load = std::move(load_debug);
  cfi_ = elf::Cfi::load_eh_frame(file_);
  debug_cfi_ = elf::Cfi::load_debug_frame(file_);
}

std::optional<elf::CfiEntry> RuleTable::find_entry(uint64_t address) const {
  auto entry = cfi_.find(address);
  if (!entry) entry = debug_cfi_.find(address);
  return entry ? entry : late_cfi().find(address);
}

const elf::Cfi& RuleTable::late_cfi() const {
  std::call_once(late_->once, [this] {
    if (late_->load) late_->file = late_->load();
    late_->load = {};
    if (late_->file && late_->file->machine() == file_.machine() &&
        late_->file->is_64() == file_.is_64() && late_->file->is_native_order())
      late_->cfi = elf::Cfi::load_debug_frame(*late_->file);
  });
  return late_->cfi;
}

bool RuleTable::is_empty() const {
  return !cfi_.has_entries() && !debug_cfi_.has_entries() && !late_cfi().has_entries();
}

/// At its first instruction, at the byte before (as callers are looked up), or at the system call itself.
bool RuleTable::is_in_signal_return(uint64_t address) const {
  const uint64_t call = arch_ == Arch::kX86_64 ? 7 : 4;  // bytes into it
  for (const uint64_t start : {address, address + 1, address - call}) {
    if (is_signal_return(arch_, file_.bytes_at(start))) return true;
  }
  return false;
}

/// Nothing calls what the kernel jumps to. Dynamic loaders have no CFI for it: glibc's on x86-64, the longest that was
/// seen, is 61 bytes with what follows its first call.
bool RuleTable::is_at_entry(uint64_t address) const {
  constexpr uint64_t kEntryBytes = 64;
  return file_.entry() != 0 && address - file_.entry() < kEntryBytes;
}

Rule RuleTable::find(uint64_t address) const {
  const auto entry = find_entry(address);
  Rule rule;
  if (!entry) {
    if (is_empty()) rule.kind = RuleKind::kGuess;
    if (is_in_signal_return(address)) {
      rule.kind = RuleKind::kSlow;
      rule.flags = Rule::kSignalFrame;
    } else if (is_at_entry(address)) {
      rule.kind = RuleKind::kOutermost;
    }
    return rule;
  }
  const Columns& columns = columns_of(arch_);
  elf::CfiShortRow row;
  row.frame_column = columns.frame;
  row.link_column = columns.link;
  row.stack_column = columns.stack;
  if (find_cfi_row(*entry, address, row)) return make_rule(arch_, *entry, row);
  rule.kind = RuleKind::kBad;
  return rule;
}

bool RuleTable::load_row(uint64_t address, FullRow& row) const {
  const auto entry = find_entry(address);
  if (!entry && is_in_signal_return(address)) {
    row.row = {};
    row.return_column = make_signal_row(arch_, row.row);
    row.is_signal_frame = true;
    return true;
  }
  if (!entry || !find_cfi_row(*entry, address, row.row)) return false;
  row.return_column = entry->return_column;
  row.is_signal_frame = entry->is_signal_frame;
  return row.return_column < Registers::kCount;
}

}  // namespace oc::unwind
