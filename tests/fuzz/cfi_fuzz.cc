// Call frame information: a section's bytes as .eh_frame and .debug_frame, or a whole ELF file with all of it. Every row
// of every entry is asked for, and turned into a rule.

#include <cstdlib>
#include <vector>

#include "elf/cfi.h"
#include "fuzz/target.h"
#include "unwind/rule_table.h"

using oc::fuzz::require;

namespace {

using namespace oc::elf;

void visit_rows(const CfiEntry& entry) {
  uint64_t address = entry.start;
  for (int rows = 0; rows < 64 && address < entry.end; ++rows) {
    CfiRow row;
    if (!find_cfi_row(entry, address, row)) return;
    require(row.start <= address && address < row.end && row.end <= entry.end);
    CfiShortRow brief;
    brief.frame_column = 6;
    brief.link_column = 16;
    brief.stack_column = 7;
    require(find_cfi_row(entry, address, brief) && brief.end == row.end);
    require(brief.link.kind == row.rules[16].kind && brief.link.value == row.rules[16].value);
    oc::unwind::make_rule(oc::unwind::Arch::kX86_64, entry, brief);
    address = row.end;
  }
}

void visit_section(std::span<const uint8_t> bytes, bool is_debug_frame) {
  CfiWalk walk({bytes, 0x5000, is_debug_frame, 8});
  CfiEntry entry;
  uint64_t offset = 0;
  while (walk.next(entry, offset)) visit_rows(entry);
}

void visit_file(std::span<const uint8_t> bytes) {
  auto file = File::make({bytes.begin(), bytes.end()}, "fuzzed");
  if (!file) return;
  const Cfi cfi = Cfi::load_eh_frame(*file);
  CfiWalk walk(cfi.section());
  CfiEntry entry;
  uint64_t offset = 0;
  std::vector<uint64_t> addresses = {0, 0x10000, ~uint64_t{0}};
  while (walk.next(entry, offset) && addresses.size() < 64) addresses.push_back(entry.start);
  for (const uint64_t address : addresses) {
    if (const auto found = cfi.find(address); found) visit_rows(*found);
  }
  auto table = oc::unwind::RuleTable::make(std::move(*file));
  if (!table) return;
  for (const uint64_t address : addresses) {
    (*table)->find(address);
    oc::unwind::FullRow row;
    if ((*table)->load_row(address, row)) require(row.return_column < 33);
  }
}

}  // namespace

FUZZ_TARGET(cfi, data, size) {
  const std::span<const uint8_t> bytes(data, size);
  visit_section(bytes, false);
  visit_section(bytes, true);
  visit_file(bytes);
  return 0;
}
