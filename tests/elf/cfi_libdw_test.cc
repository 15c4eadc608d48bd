// Every row of every function of real libraries, against what libdw says about it.

#include <dwarf.h>
#include <elf.h>
#include <elfutils/libdw.h>
#include <link.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "elf/cfi.h"
#include "elf/file.h"

using oc::elf::CfaRule;
using oc::elf::Cfi;
using oc::elf::CfiEntry;
using oc::elf::CfiRow;
using oc::elf::CfiRule;
using oc::elf::File;

namespace {

using Kind = CfiRule::Kind;
using LibdwCfi = std::unique_ptr<Dwarf_CFI, int (*)(Dwarf_CFI*)>;
using LibdwFrame = std::unique_ptr<Dwarf_Frame, void (*)(void*)>;

/// Those of x86-64 and arm64 that have integers in them, less the instruction pointer of arm64, which is ours.
int column_count(const File& file) { return file.machine() == EM_AARCH64 ? 32 : 17; }

/// The bytes of an expression and libdw's operations of it; `skipped` stand before, `added` behind.
bool same_expression(std::span<const uint8_t> bytes, const Dwarf_Op* ops, size_t count,
                     size_t skipped, size_t added) {
  if (count < skipped + added) return false;
  for (size_t i = skipped; i + added < count; ++i) {
    if (ops[i].offset >= bytes.size() || bytes[ops[i].offset] != ops[i].atom) return false;
  }
  return bytes.empty() == (count == skipped + added);
}

bool same_cfa(const CfaRule& ours, Dwarf_Frame* frame) {
  Dwarf_Op* ops = nullptr;
  size_t count = 0;
  if (dwarf_frame_cfa(frame, &ops, &count) != 0) return false;
  if (count == 0) return ours.kind == CfaRule::Kind::kNone;
  if (ours.kind == CfaRule::Kind::kExpression)
    return same_expression(ours.expression, ops, count, 0, 0);
  // One operation: a base register with an offset.
  return count == 1 && ops[0].atom == DW_OP_bregx && ops[0].number == ours.column &&
         static_cast<int64_t>(ops[0].number2) == ours.offset;
}

/// Of what was not said libdw knows which registers the ABI lets callees keep.
bool same_rule(const CfiRule& ours, int column, Dwarf_Frame* frame) {
  Dwarf_Op space[3];
  Dwarf_Op* ops = nullptr;
  size_t count = 0;
  if (dwarf_frame_register(frame, column, space, &ops, &count) != 0) return false;
  if (count == 0) {
    const bool is_undefined = ops == space;
    return ours.kind == Kind::kUnspecified ||
           ours.kind == (is_undefined ? Kind::kUndefined : Kind::kSame);
  }
  const int64_t offset =
      count > 1 && ops[1].atom == DW_OP_plus_uconst ? static_cast<int64_t>(ops[1].number) : 0;
  const bool is_value = ops[count - 1].atom == DW_OP_stack_value;
  switch (ours.kind) {
    case Kind::kOffset:
      return ops[0].atom == DW_OP_call_frame_cfa && !is_value && offset == ours.value;
    case Kind::kValOffset:
      return ops[0].atom == DW_OP_call_frame_cfa && is_value && offset == ours.value;
    case Kind::kUnspecified:  // the stack pointer is the CFA
      return (column == 7 || column == 31) && ops[0].atom == DW_OP_call_frame_cfa && is_value &&
             offset == 0;
    case Kind::kRegister:
      return ops[0].atom == DW_OP_regx && ops[0].number == static_cast<uint64_t>(ours.value);
    case Kind::kExpression:
      return same_expression(ours.expression, ops, count, 1, 0);
    case Kind::kValExpression:
      return same_expression(ours.expression, ops, count, 1, 1);
    default:
      return false;
  }
}

struct Tally {
  uint64_t functions = 0;
  uint64_t rows = 0;
  uint64_t differences = 0;
  std::string first_difference;

  void differ(uint64_t address, const char* what) {
    if (differences++ == 0) first_difference = std::to_string(address) + ": " + what;
  }
};

/// One row; gives where the next one starts.
uint64_t compare_row(const Cfi& cfi, Dwarf_CFI* libdw, uint64_t address, Tally& tally,
                     int columns) {
  ++tally.rows;
  Dwarf_Frame* raw = nullptr;
  CfiRow row;
  const auto entry = cfi.find(address);
  const bool is_found = entry && find_cfi_row(*entry, address, row);
  if (dwarf_cfi_addrframe(libdw, address, &raw) != 0) {
    if (is_found) tally.differ(address, "libdw finds no row");
    return row.end;
  }
  const LibdwFrame frame(raw, std::free);
  Dwarf_Addr end = 0;
  bool is_signal = false;
  const int link = dwarf_frame_info(frame.get(), nullptr, &end, &is_signal);
  if (!is_found) {
    tally.differ(address, "only libdw finds a row");
    return end;
  }
  // Behind DW_CFA_restore_state libdw has the start of the remembered row, so starts are held to the end of the row
  // before: `address`.
  if (row.start != address || row.end != end) tally.differ(address, "another range");
  if (static_cast<uint64_t>(link) != entry->return_column) tally.differ(address, "return column");
  if (entry->is_signal_frame != is_signal) tally.differ(address, "signal");
  if (!same_cfa(row.cfa, frame.get())) tally.differ(address, "CFA");
  for (int column = 0; column < columns; ++column) {
    if (!same_rule(row.rules[static_cast<size_t>(column)], column, frame.get()))
      tally.differ(address, "a register");
  }
  return end;
}

/// Every `stride`th function of a section.
Tally compare(const Cfi& cfi, Dwarf_CFI* libdw, uint64_t stride, int columns) {
  Tally tally;
  oc::elf::CfiWalk walk(cfi.section());
  CfiEntry entry;
  uint64_t offset = 0;
  while (walk.next(entry, offset)) {
    if (tally.functions++ % stride != 0) continue;
    for (uint64_t address = entry.start; address < entry.end;) {
      const uint64_t next = compare_row(cfi, libdw, address, tally, columns);
      if (next <= address) {
        tally.differ(address, "no end of the row");
        break;
      }
      address = next;
    }
  }
  CHECK(walk.bad_entries() == 0);
  return tally;
}

/// The file that is loaded here under a name like this; empty: none.
std::string loaded_file(const std::string& name) {
  struct Search {
    const std::string& name;
    std::string path;
  } search{name, {}};
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* data) {
        auto& wanted = *static_cast<Search*>(data);
        const std::string path = info->dlpi_name;
        if (path.find(wanted.name) != std::string::npos) wanted.path = path;
        return 0;
      },
      &search);
  return search.path;
}

void check_file(const std::string& path, uint64_t stride) {
  auto file = File::open(path);
  REQUIRE(file);
  const LibdwCfi libdw(dwarf_getcfi_elf(file->handle()), dwarf_cfi_end);
  REQUIRE(libdw);
  const Cfi cfi = Cfi::load_eh_frame(*file);
  const Tally tally = compare(cfi, libdw.get(), stride, column_count(*file));
  INFO(path << ": " << tally.functions << " functions, " << tally.rows << " rows; first difference "
            << tally.first_difference);
  CHECK(tally.rows > 1000);
  CHECK(tally.differences == 0);
}

}  // namespace

TEST_CASE("every row of the C and C++ libraries is what libdw says") {
  check_file(loaded_file("/libc.so"), 1);
  check_file(loaded_file("/libstdc++.so"), 1);
  check_file(loaded_file("/libm.so"), 1);
}

/// Another file or none: OC_CFI_FILE=/usr/aarch64-linux-gnu/lib/libc.so.6
TEST_CASE("rows of a file of one's choice are what libdw says") {
  const char* const path = std::getenv("OC_CFI_FILE");
  if (path != nullptr) check_file(path, 1);
}

TEST_CASE("rows of the LLVM library are what libdw says") {
  for (const auto& entry : std::filesystem::directory_iterator("/usr/lib/x86_64-linux-gnu")) {
    const std::string name = entry.path().filename();
    if (name.starts_with("libLLVM") && !entry.is_symlink())
      return check_file(entry.path(), std::getenv("OC_ALL_ROWS") != nullptr ? 1 : 10);
  }
  WARN("no libLLVM here: nothing compared");
}
