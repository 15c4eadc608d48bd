#include "elf/cfi.h"

#include <catch2/catch.hpp>

#include "support/cfi_writer.h"
#include "support/elf_writer.h"

using namespace oc::test;
using oc::elf::CfaRule;
using oc::elf::Cfi;
using oc::elf::CfiEntry;
using oc::elf::CfiRow;
using oc::elf::CfiRule;
using oc::elf::CfiSection;
using oc::elf::File;
using Kind = oc::elf::CfiRule::Kind;

namespace {

constexpr uint64_t kText = 0x10000;
constexpr uint64_t kFrames = 0x5000;
constexpr uint64_t kHeader = 0x4000;

File make_file(const ByteVector& bytes) {
  auto file = File::make(bytes, "made");
  REQUIRE(file);
  return std::move(*file);
}

File file_with(const CfiWriter& writer, bool has_header) {
  ElfWriter elf;
  elf.add_code(kText, 0x1000).add(".eh_frame", kFrames, writer.bytes());
  if (has_header)
    elf.add(".eh_frame_hdr", kHeader, writer.header(kHeader), {PT_LOAD, PT_GNU_EH_FRAME});
  return make_file(elf.make());
}

/// The entry that a program alone makes, from kText on.
struct Made {
  explicit Made(const CfiProgram& program, const CommonEntry& common = {}) {
    writer.common(common).function(kText, 0x100, program);
    section = {writer.bytes(), kFrames, false, 8};
    oc::elf::CfiWalk walk(section);
    uint64_t offset = 0;
    is_read = walk.next(entry, offset);
  }
  /// The row at this distance from the start; none: the program is bad.
  std::optional<CfiRow> row(uint64_t distance) const {
    CfiRow row;
    if (!find_cfi_row(entry, kText + distance, row)) return {};
    return row;
  }
  CfiWriter writer{kFrames};
  CfiSection section;
  CfiEntry entry;
  bool is_read = false;
};

}  // namespace

TEST_CASE("a prologue with pushes is a row for each") {
  const Made made(CfiProgram()
                      .advance(1)
                      .cfa_offset(16)
                      .saved(6, 2)
                      .advance(3)
                      .cfa_register(6)
                      .op(DW_CFA_advance_loc1)
                      .op(0x80)
                      .def_cfa(7, 8));
  REQUIRE(made.is_read);
  CHECK(made.row(0)->cfa.offset == 8);
  CHECK(made.row(0)->end == kText + 1);
  const auto pushed = made.row(1);
  CHECK(pushed->cfa.column == 7);
  CHECK(pushed->cfa.offset == 16);
  CHECK(pushed->rules[6].kind == Kind::kOffset);
  CHECK(pushed->rules[6].value == -16);
  CHECK(pushed->rules[16].value == -8);
  CHECK(pushed->rules[3].kind == Kind::kUnspecified);
  CHECK(made.row(4)->cfa.column == 6);
  CHECK(made.row(4)->start == kText + 4);
  CHECK(made.row(0x83)->cfa.column == 6);
  CHECK(made.row(0x84)->cfa.column == 7);
  CHECK(made.row(0xff)->end == kText + 0x100);
  CHECK_FALSE(made.row(0x100));
}

TEST_CASE("a remembered state comes back, with its CFA, and only as often as it was remembered") {
  const Made made(CfiProgram()
                      .saved(3, 3)
                      .op(DW_CFA_remember_state)
                      .advance(4)
                      .def_cfa(6, 32)
                      .op(DW_CFA_restore_extended)
                      .uleb(3)
                      .advance(4)
                      .op(DW_CFA_restore_state)
                      .advance(4)
                      .op(DW_CFA_restore_state));
  CHECK(made.row(4)->cfa.column == 6);
  CHECK(made.row(4)->rules[3].kind == Kind::kUnspecified);
  CHECK(made.row(8)->cfa.column == 7);
  CHECK(made.row(8)->rules[3].value == -24);
  CHECK(made.row(8)->start == kText + 8);
  CHECK_FALSE(made.row(12));
}

TEST_CASE("every kind of rule is read") {
  CfiProgram expression;
  expression.op(DW_OP_breg7).sleb(16).op(DW_OP_deref);
  CfiProgram program;
  program.op(DW_CFA_undefined).uleb(0).op(DW_CFA_same_value).uleb(1);
  program.op(DW_CFA_val_offset).uleb(2).uleb(1).op(DW_CFA_val_offset_sf).uleb(3).sleb(-1);
  program.op(DW_CFA_register).uleb(4).uleb(9).expression(5, expression);
  program.op(DW_CFA_val_expression).uleb(6).block(expression);
  program.op(DW_CFA_offset_extended_sf).uleb(8).sleb(-2);
  program.op(DW_CFA_GNU_negative_offset_extended).uleb(9).uleb(2);
  program.op(DW_CFA_GNU_args_size).uleb(300).op(DW_CFA_offset | 12).uleb(5);
  program.op(DW_CFA_def_cfa_expression).block(expression).saved(100, 1);
  const Made made(program);
  const auto row = made.row(0);
  REQUIRE(row);
  CHECK(row->rules[0].kind == Kind::kUndefined);
  CHECK(row->rules[1].kind == Kind::kSame);
  CHECK(row->rules[2].kind == Kind::kValOffset);
  CHECK(row->rules[2].value == -8);
  CHECK(row->rules[3].value == 8);
  CHECK(row->rules[4].kind == Kind::kRegister);
  CHECK(row->rules[4].value == 9);
  CHECK(row->rules[5].kind == Kind::kExpression);
  CHECK(ByteVector(row->rules[5].expression.begin(), row->rules[5].expression.end()) ==
        expression.bytes);
  CHECK(row->rules[6].kind == Kind::kValExpression);
  CHECK(row->rules[8].value == 16);
  CHECK(row->rules[9].value == 16);
  CHECK(row->rules[12].value == -40);
  CHECK(row->cfa.kind == CfaRule::Kind::kExpression);
  CHECK(row->cfa.expression.size() == expression.bytes.size());
}

TEST_CASE("a program that makes no sense has rows up to there") {
  CfiProgram deep;
  for (int i = 0; i < 40; ++i) deep.op(DW_CFA_remember_state);
  CfiProgram offset_of_expression;
  offset_of_expression.op(DW_CFA_def_cfa_expression)
      .block(CfiProgram().op(DW_OP_lit0))
      .cfa_offset(8);
  CfiProgram backwards;
  backwards.op(DW_CFA_set_loc).uleb(0x80).uleb(0xff).uleb(0xff).uleb(0xff);
  for (const CfiProgram& bad :
       {CfiProgram().op(0x3e), CfiProgram().op(DW_CFA_restore_state), deep, offset_of_expression,
        CfiProgram().op(DW_CFA_def_cfa_expression).uleb(1 << 20)}) {
    CfiProgram program;
    program.advance(8).block(bad);
    program.bytes.erase(program.bytes.begin() + 1);  // not a block after all
    const Made made(program);
    CHECK(made.row(7));
    CHECK_FALSE(made.row(8));
  }
}

TEST_CASE("steps that lead beyond the end of a function, or of all addresses, end there") {
  const Made far(CfiProgram().op(DW_CFA_advance_loc4).op(0xff).op(0xff).op(0xff).op(0xff));
  CHECK(far.row(0xff)->end == kText + 0x100);
  CommonEntry huge;
  huge.code_alignment = ~uint64_t{0} / 2;
  CHECK_FALSE(Made(CfiProgram().advance(3), huge).row(0));
}

TEST_CASE("entries of all versions and augmentations are read") {
  for (const char* augmentation : {"zR", "zPLR", "zRS", "zRB", "zRG"}) {
    for (const uint8_t version : {1, 3, 4}) {
      CommonEntry common;
      common.augmentation = augmentation;
      common.version = version;
      const Made made({}, common);
      INFO(augmentation << " version " << int{version});
      REQUIRE(made.is_read);
      CHECK(made.entry.start == kText);
      CHECK(made.entry.end == kText + 0x100);
      CHECK(made.entry.is_signal_frame == (std::string(augmentation) == "zRS"));
      CHECK(made.row(0)->cfa.offset == 8);
    }
  }
  CommonEntry unknown;
  unknown.augmentation = "zXR";  // nobody knows how long the data of X are
  unknown.encoding = DW_EH_PE_absptr;
  CHECK(Made({}, unknown).entry.start != kText);
  unknown.augmentation = "odd";
  CHECK_FALSE(Made({}, unknown).is_read);
  CommonEntry version;
  version.version = 7;
  CHECK_FALSE(Made({}, version).is_read);
}

TEST_CASE("entries are found by the linker's table and without one") {
  CfiWriter writer(kFrames);
  writer.common();
  for (uint64_t i = 0; i < 50; ++i)  // in any order, with gaps
    writer.function(kText + (i * 17 % 50) * 32, 24, CfiProgram().cfa_offset(8 * (i * 17 % 50)));
  writer.end();
  for (const bool has_header : {false, true}) {
    File file = file_with(writer, has_header);
    const Cfi cfi = Cfi::load_eh_frame(file);
    for (uint64_t i = 0; i < 50; ++i) {
      for (const uint64_t distance : {0, 23}) {
        const auto entry = cfi.find(kText + i * 32 + distance);
        REQUIRE(entry);
        CfiRow row;
        REQUIRE(find_cfi_row(*entry, kText + i * 32, row));
        CHECK(row.cfa.offset == static_cast<int64_t>(8 * i));
      }
      CHECK_FALSE(cfi.find(kText + i * 32 + 24));
    }
    for (const uint64_t nowhere : {uint64_t{0}, kText - 1, kText + 50 * 32, ~uint64_t{0}})
      CHECK_FALSE(cfi.find(nowhere));
  }
}

TEST_CASE("entries are found in a file without section headers") {
  CfiWriter writer(kFrames);
  writer.common().function(kText, 16).function(kText + 16, 16).end();
  ElfWriter elf;
  elf.add_code(kText, 32).add("", kFrames, writer.bytes());
  elf.add("", kHeader, writer.header(kHeader), {PT_LOAD, PT_GNU_EH_FRAME}).without_sections();
  File file = make_file(elf.make());
  const Cfi cfi = Cfi::load_eh_frame(file);
  CHECK(cfi.find(kText + 20)->start == kText + 16);
}

TEST_CASE("a table that lies leads to no entry, or to the right one") {
  CfiWriter writer(kFrames);
  writer.common();
  for (uint64_t i = 0; i < 8; ++i) writer.function(kText + i * 32, 32);
  writer.end();
  const ByteVector good = writer.header(kHeader);
  for (size_t at = 0; at < good.size(); ++at) {
    for (const uint8_t byte : {0x00, 0x7f, 0x80, 0xff}) {
      ByteVector bad = good;
      bad[at] = byte;
      ElfWriter elf;
      elf.add_code(kText, 0x1000).add(".eh_frame", kFrames, writer.bytes());
      elf.add(".eh_frame_hdr", kHeader, bad, {PT_LOAD, PT_GNU_EH_FRAME});
      File file = make_file(elf.make());
      const Cfi cfi = Cfi::load_eh_frame(file);
      for (uint64_t i = 0; i < 8; ++i) {
        const uint64_t address = kText + i * 32 + 5;
        const auto entry = cfi.find(address);
        if (!entry) continue;
        CHECK(entry->start <= address);
        CHECK(address < entry->end);
      }
    }
  }
}

TEST_CASE(".debug_frame counts its offsets from its start") {
  CfiWriter writer(0, true);
  CommonEntry common;
  common.augmentation = "";
  common.version = 4;
  writer.common(common).function(kText, 32);
  common.program.saved(6, 2);
  writer.common(common).function(kText + 32, 32);
  File file =
      make_file(ElfWriter().add_code(kText, 64).add(".debug_frame", 0, writer.bytes(), {}).make());
  CHECK_FALSE(Cfi::load_eh_frame(file).has_entries());
  const Cfi cfi = Cfi::load_debug_frame(file);
  const auto entry = cfi.find(kText + 40);
  REQUIRE(entry);
  CHECK(entry->start == kText + 32);
  CfiRow row;
  REQUIRE(find_cfi_row(*entry, kText + 40, row));
  CHECK(row.rules[6].value == -16);
}

TEST_CASE(
    "a section that is cut off anywhere, or has any byte changed, is read as far as it goes") {
  CfiWriter writer(kFrames);
  CommonEntry common;
  common.augmentation = "zPLRS";
  writer.common(common);
  writer.function(kText, 32, CfiProgram().advance(2).cfa_offset(16).op(DW_CFA_remember_state));
  writer.function(kText + 32, 32, CfiProgram().advance(1).saved(6, 2)).end();
  const auto visit = [](const CfiSection& section) {
    uint64_t rows = 0;
    oc::elf::CfiWalk walk(section);
    CfiEntry entry;
    uint64_t offset = 0;
    while (walk.next(entry, offset)) {
      CfiRow row;
      rows += find_cfi_row(entry, entry.start + 3, row);
    }
    return rows;
  };
  CHECK(visit({writer.bytes(), kFrames, false, 8}) == 2);
  for (size_t size = 0; size < writer.bytes().size(); ++size) {
    const ByteVector cut(writer.bytes().begin(),
                         writer.bytes().begin() + static_cast<ptrdiff_t>(size));
    CHECK(visit({cut, kFrames, false, 8}) <= 2);
  }
  for (size_t at = 0; at < writer.bytes().size(); ++at) {
    for (int byte = 0; byte < 256; byte += 5) {
      ByteVector changed = writer.bytes();
      changed[at] = static_cast<uint8_t>(byte);
      CHECK(visit({changed, kFrames, at % 2 == 0, 8}) <= 3);
    }
  }
}
