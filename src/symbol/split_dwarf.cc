#include "symbol/split_dwarf.h"

#include <dwarf.h>
#include <fmt/format.h>

#include <array>
#include <map>

#include "base/bytes.h"
#include "elf/image.h"

namespace oc::symbol {
namespace {

using base::Bytes;

/// One unit's pieces are copied; strings, which all units of a .dwp share, with them.
constexpr uint64_t kMostBytes = uint64_t{256} << 20;

/// A section by its number in .debug_cu_index, of either version of it.
struct SectionKind {
  const char* name;
  uint32_t in_version_2;
  uint32_t in_version_5;
};
constexpr std::array kKinds{
    SectionKind{"debug_info", 1, 1},     SectionKind{"debug_abbrev", 3, 3},
    SectionKind{"debug_line", 4, 4},     SectionKind{"debug_str_offsets", 6, 6},
    SectionKind{"debug_rnglists", 0, 8}, SectionKind{"debug_str", 0, 0}};

struct Piece {
  uint32_t offset = 0;
  uint32_t size_bytes = 0;
};
using Pieces = std::map<uint32_t, Piece>;  ///< by section number

struct Skeleton {
  uint64_t id = 0;
  std::string name, folder;
  uint16_t version = 0;
  uint64_t address_base = 0, ranges_base = 0, low = 0;
};

uint64_t value_of(Dwarf_Die* entry, std::initializer_list<unsigned> names) {
  for (const unsigned name : names) {
    Dwarf_Attribute attribute;
    Dwarf_Word value = 0;
    if (dwarf_attr(entry, name, &attribute) != nullptr && dwarf_formudata(&attribute, &value) == 0)
      return value;
  }
  return 0;
}

std::string text_of(Dwarf_Die* entry, std::initializer_list<unsigned> names) {
  for (const unsigned name : names) {
    Dwarf_Attribute attribute;
    if (dwarf_attr(entry, name, &attribute) == nullptr) continue;
    if (const char* const text = dwarf_formstring(&attribute); text != nullptr) return text;
  }
  return {};
}

Skeleton read_skeleton(Dwarf_Die root) {
  Skeleton skeleton;
  Dwarf_Half version = 0;
  uint8_t type = 0;
  dwarf_cu_info(root.cu, &version, &type, nullptr, nullptr, &skeleton.id, nullptr, nullptr);
  skeleton.version = version;
  skeleton.name = text_of(&root, {DW_AT_dwo_name, DW_AT_GNU_dwo_name});
  skeleton.folder = text_of(&root, {DW_AT_comp_dir});
  skeleton.address_base = value_of(&root, {DW_AT_addr_base, DW_AT_GNU_addr_base});
  skeleton.ranges_base = value_of(&root, {DW_AT_GNU_ranges_base});
  Dwarf_Addr low = 0;
  if (dwarf_lowpc(&root, &low) == 0) skeleton.low = low;
  return skeleton;
}

/// The row of this id; nothing: it is not in there, or the table is damaged.
std::optional<Pieces> find_pieces(std::span<const uint8_t> index, uint64_t id) {
  Bytes header(index);
  const auto version = header.read<uint16_t>();  // of version 2 it has four bytes
  header.skip(2);
  const uint64_t columns = header.read<uint32_t>(), units = header.read<uint32_t>(),
                 slots = header.read<uint32_t>();
  if (header.failed() || (version != 2 && version != 5) || columns > 16 || slots == 0 ||
      (slots & (slots - 1)) != 0)
    return {};
  const auto at = [&](uint64_t offset, uint64_t size) {
    Bytes bytes(index);
    bytes.skip(16 + offset);
    return bytes.take(size);
  };
  uint64_t slot = id & (slots - 1);
  const uint64_t step = ((id >> 32) & (slots - 1)) | 1;
  for (uint64_t tries = 0; tries < slots; ++tries, slot = (slot + step) & (slots - 1)) {
    const auto found = at(slot * 8, 8), row_bytes = at(slots * 8 + slot * 4, 4);
    if (found.empty() || row_bytes.empty()) return {};
    const auto row = base::load<uint32_t>(row_bytes.data());
    if (row == 0) return {};
    if (base::load<uint64_t>(found.data()) != id) continue;
    if (row > units) return {};
    const uint64_t table = slots * 12, width = columns * 4;
    const auto numbers = at(table, width), offsets = at(table + row * width, width),
               sizes = at(table + (units + row) * width, width);
    if (numbers.empty() || offsets.empty() || sizes.empty()) return {};
    Pieces pieces;
    for (uint64_t i = 0; i < columns; ++i) {
      pieces[base::load<uint32_t>(numbers.data() + i * 4)] = {
          base::load<uint32_t>(offsets.data() + i * 4), base::load<uint32_t>(sizes.data() + i * 4)};
    }
    return pieces;
  }
  return {};
}

std::span<const uint8_t> behind(std::span<const uint8_t> bytes, uint64_t offset) {
  return bytes.subspan(std::min<uint64_t>(offset, bytes.size()));
}

std::span<const uint8_t> section_of(elf::File& file, const std::string& name) {
  for (const char* prefix : {".", ".z"}) {
    if (const auto* section = file.find_section(prefix + name)) return file.load_bytes(*section);
  }
  return {};
}

/// The pieces of `half`, all of each section or those that the index tells, with what the program holds of the unit.
base::Result<elf::File> join(elf::File& program, elf::File& half, const Skeleton& skeleton,
                             const Pieces* pieces) {
  elf::Image image(program.machine());
  uint64_t total = 0;
  const auto add = [&](const std::string& name, std::span<const uint8_t> bytes) {
    total += bytes.size();
    if (!bytes.empty() && total <= kMostBytes) image.add("." + name, bytes);
  };
  const bool is_old = skeleton.version < 5;
  for (const SectionKind& kind : kKinds) {
    auto bytes = section_of(half, std::string(kind.name) + ".dwo");
    const uint32_t number = is_old ? kind.in_version_2 : kind.in_version_5;
    if (pieces != nullptr && number != 0) {
      const auto piece = pieces->find(number);
      if (piece == pieces->end()) continue;
      const auto from = behind(bytes, piece->second.offset);
      bytes = from.first(std::min<size_t>(from.size(), piece->second.size_bytes));
    }
    add(kind.name, bytes);
  }
  add("debug_addr", behind(section_of(program, "debug_addr"), skeleton.address_base));
  if (is_old)
    add("debug_ranges", behind(section_of(program, "debug_ranges"), skeleton.ranges_base));
  if (total > kMostBytes) {
    return base::make_error(
        base::Code::kUnsupported,
        fmt::format("{}: its unit has more than {} MiB", half.name(), kMostBytes >> 20));
  }
  return image.finish(half.name());
}

/// The first compilation unit of a file with this id.
bool find_root(Dwarf* dwarf, uint64_t id, Dwarf_Die& root) {
  Dwarf_CU* unit = nullptr;
  while (dwarf_get_units(dwarf, unit, &unit, nullptr, nullptr, &root, nullptr) == 0) {
    uint64_t own = 0;
    uint8_t type = 0;
    if (dwarf_cu_info(root.cu, nullptr, &type, nullptr, nullptr, &own, nullptr, nullptr) == 0 &&
        type == DW_UT_split_compile && own == id)
      return true;
  }
  return false;
}

/// An opened half and, of a .dwp, where this unit's pieces are.
struct Half {
  std::optional<elf::File> file;
  std::optional<Pieces> pieces;
};

Half find_half(const SplitPlaces& places, const elf::File& program, const Skeleton& skeleton,
               std::string& problem) {
  Half half;
  for (const std::string& path : places.packages) {
    auto file = elf::File::open(path);
    if (!file || !file->is_native_order()) continue;
    half.pieces = find_pieces(section_of(*file, "debug_cu_index"), skeleton.id);
    if (!half.pieces) {
      problem = path + " does not hold its unit";
      continue;
    }
    half.file.emplace(std::move(*file));
    return half;
  }
  const bool is_absolute = skeleton.name.starts_with('/');
  std::vector<std::string> paths{places.root + skeleton.name};
  if (!is_absolute) {  // as the compiler told, else beside the program
    const std::string& own = program.name();
    paths = {places.root + skeleton.folder + "/" + skeleton.name,
             own.substr(0, own.rfind('/') + 1) + skeleton.name};
  }
  for (const std::string& path : paths) {
    auto file = elf::File::open(path);
    if (file && file->is_native_order()) {
      half.file.emplace(std::move(*file));
      return half;
    }
    if (!file && problem.empty()) problem = file.error().what;
  }
  return half;
}

}  // namespace

SplitUnit::~SplitUnit() {
  if (dwarf_ != nullptr) dwarf_end(dwarf_);
}

std::unique_ptr<SplitUnit> SplitUnit::load(const SplitPlaces& places, elf::File& program,
                                           Dwarf_Die root, std::string& problem) {
  const Skeleton skeleton = read_skeleton(root);
  if (skeleton.name.empty()) {
    problem = "it does not name its .dwo file";
    return nullptr;
  }
  Half half = find_half(places, program, skeleton, problem);
  if (!half.file) return nullptr;
  auto joined = join(program, *half.file, skeleton, half.pieces ? &*half.pieces : nullptr);
  if (!joined) {
    problem = joined.error().what;
    return nullptr;
  }
  std::unique_ptr<SplitUnit> unit(new SplitUnit(std::move(*joined)));
  unit->name_ = half.file->name();
  unit->dwarf_ = dwarf_begin_elf(unit->file_.handle(), DWARF_C_READ, nullptr);
  if (unit->dwarf_ == nullptr || !find_root(unit->dwarf_, skeleton.id, unit->root_)) {
    problem = unit->name_ + " is of another build: it does not hold the unit with this id";
    return nullptr;
  }
  unit->info_ = section_of(unit->file_, "debug_info");
  unit->abbreviations_ = section_of(unit->file_, "debug_abbrev");
  unit->base_ = skeleton.low;
  return unit;
}

}  // namespace oc::symbol
