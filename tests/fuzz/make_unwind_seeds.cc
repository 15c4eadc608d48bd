// Writes the seeds of cfi_fuzz or unwind_fuzz into a folder: make_unwind_seeds cfi|unwind FOLDER
#include <filesystem>
#include <fstream>
#include <string>

#include "support/cfi_writer.h"
#include "support/elf_writer.h"

using namespace oc::test;

namespace {

void write(const std::filesystem::path& path, const ByteVector& bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

/// Functions of 256 bytes from 0x10000 on that between them use everything.
CfiWriter make_cfi(bool is_debug_frame) {
  CfiProgram deref;
  deref.op(DW_OP_breg7).sleb(160).op(DW_OP_deref);
  CfiProgram plt;
  plt.op(DW_OP_breg7).sleb(8).op(DW_OP_breg16).sleb(0).op(DW_OP_lit15).op(DW_OP_and);
  plt.op(DW_OP_lit11).op(DW_OP_ge).op(DW_OP_lit3).op(DW_OP_shl).op(DW_OP_plus);
  CfiProgram choice;
  choice.op(DW_OP_lit1).op(DW_OP_bra).op(1).op(0).op(DW_OP_dup).op(DW_OP_breg3).sleb(-8);
  CfiWriter writer(is_debug_frame ? 0 : 0x5000, is_debug_frame);
  CommonEntry common;
  if (is_debug_frame) common.augmentation = "";
  writer.common(common);
  writer.function(0x10000, 256,
                  CfiProgram().advance(1).cfa_offset(16).saved(6, 2).advance(3).cfa_register(6));
  writer.function(0x10100, 256, CfiProgram().op(DW_CFA_def_cfa_expression).block(plt));
  writer.function(0x10200, 256, CfiProgram().def_cfa(3, 24).expression(6, choice));
  writer.function(0x10300, 256,
                  CfiProgram()
                      .op(DW_CFA_remember_state)
                      .advance(8)
                      .cfa_offset(32)
                      .advance(8)
                      .op(DW_CFA_restore_state));
  writer.function(0x10400, 256, CfiProgram().op(DW_CFA_undefined).uleb(16));
  if (!is_debug_frame) common.augmentation = "zPLRS";
  writer.common(common);
  return writer.function(0x10500, 256,
                         CfiProgram()
                             .op(DW_CFA_def_cfa_expression)
                             .block(deref)
                             .expression(16, deref)
                             .expression(7, deref));
}

ByteVector make_stack(uint8_t arch, uint64_t pointer) {
  const ByteVector cfi = make_cfi(false).bytes();
  ByteWriter out;
  out.put(arch).u16(cfi.size());
  for (const uint64_t value : {pointer, uint64_t{0x7000}, uint64_t{0x7020}, pointer, uint64_t{1},
                               uint64_t{0x7040}, uint64_t{2}, uint64_t{3}})
    out.u64(value);
  out.add(cfi);
  for (uint64_t i = 0; i < 40; ++i)
    out.u64(i % 3 == 0 ? 0x10000 + i * 0x61 : i % 3 == 1 ? 0x7000 + i * 24 : 0x40000 + i);
  return out.bytes;
}

void write_cfi(const std::filesystem::path& folder) {
  const CfiWriter frames = make_cfi(false);
  write(folder / "eh_frame", frames.bytes());
  write(folder / "debug_frame", make_cfi(true).bytes());
  ElfWriter elf;
  elf.add_code(0x10000, 0x600).add(".eh_frame", 0x5000, frames.bytes());
  write(folder / "elf", elf.make());
  elf.add(".eh_frame_hdr", 0x4000, frames.header(0x4000), {PT_LOAD, PT_GNU_EH_FRAME});
  write(folder / "elf_with_table", elf.make());
}

void write_stacks(const std::filesystem::path& folder) {
  for (const uint64_t pointer : {0x10002, 0x10108, 0x10201, 0x10309, 0x10505, 0x40010}) {
    for (const uint8_t arch : {0, 1}) {
      const std::string name = "stack_" + std::to_string(pointer) + "_" + std::to_string(arch);
      write(folder / name, make_stack(arch, pointer));
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::filesystem::path folder = argv[2];
  std::filesystem::create_directories(folder);
  if (std::string(argv[1]) == "cfi") {
    write_cfi(folder);
  } else {
    write_stacks(folder);
  }
}
