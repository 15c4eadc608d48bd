#include "symbol/split_dwarf.h"

#include <dwarf.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <unordered_map>
#include <utility>

#include "base/bytes.h"
#include "base/open_regular.h"
#include "elf/image.h"

namespace oc::symbol {
namespace {

using base::Bytes;

/// A unit's pieces are copied. Beyond this, units of the program have lines only.
constexpr uint64_t kMostOfUnit = uint64_t{256} << 20;
constexpr uint64_t kMostOfProgram = uint64_t{2} << 30;

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
constexpr size_t kOffsets = 3, kStrings = 5;  ///< of these

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

/// A .dwp, opened when the first unit asks.
struct Package {
  std::string path;
  bool is_open = false;
  std::optional<elf::File> file;  ///< nothing: it is not there, or of no use
  std::span<const uint8_t> index;
};

/// What holds a unit and, of a .dwp, where its pieces are.
struct Half {
  elf::File* file = nullptr;
  std::optional<elf::File> own;  ///< a .dwo
  std::optional<Pieces> pieces;
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

/// From a base up to the next one that another unit has.
std::span<const uint8_t> part_of(std::span<const uint8_t> bytes, const std::vector<uint64_t>& bases,
                                 uint64_t base) {
  const auto next = std::upper_bound(bases.begin(), bases.end(), base);
  const auto from = behind(bytes, base);
  return next == bases.end() ? from : from.first(std::min<uint64_t>(from.size(), *next - base));
}

/// The strings of all units of a .dwp are one section. This takes those that one unit's offsets name:
///
///     header, 4 100 900 …   →   header, 0 6 0 …     strings "main\0" "x\0" … once each
class OwnStrings {
 public:
  OwnStrings(std::span<const uint8_t> offsets, std::span<const uint8_t> strings, bool has_header)
      : all_(strings), offsets_(offsets.begin(), offsets.end()), strings_(1, 0) {
    Bytes bytes(offsets);
    const bool is_wide = has_header && bytes.read<uint32_t>() == 0xffffffff;
    const size_t header = has_header ? (is_wide ? 16 : 8) : 0;
    for (size_t at = header; at < offsets_.size(); at += is_wide ? 8 : 4) {
      if (offsets_.size() - at < (is_wide ? 8u : 4u) || strings_.size() > kMostOfUnit) break;
      if (is_wide) {
        take<uint64_t>(at);
      } else {
        take<uint32_t>(at);
      }
    }
  }
  const std::vector<uint8_t>& offsets() const { return offsets_; }
  const std::vector<uint8_t>& strings() const { return strings_; }

 private:
  template <typename T>
  void take(size_t at) {
    const T place = add(base::load<T>(offsets_.data() + at));
    std::memcpy(offsets_.data() + at, &place, sizeof place);
  }
  uint32_t add(uint64_t offset) {
    const auto from = behind(all_, offset);
    if (from.empty()) return 0;  // damaged: ""
    const auto [place, is_new] =
        places_.try_emplace(offset, static_cast<uint32_t>(strings_.size()));
    if (!is_new) return place->second;
    const auto end = std::find(from.begin(), from.end(), 0);
    if (static_cast<uint64_t>(end - from.begin()) > kMostOfUnit) return 0;
    strings_.insert(strings_.end(), from.begin(), end);
    strings_.push_back(0);
    return place->second;
  }

  std::span<const uint8_t> all_;
  std::vector<uint8_t> offsets_, strings_;
  std::unordered_map<uint64_t, uint32_t> places_;
};

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

}  // namespace

struct SplitFiles::State {
  State(SplitPlaces split_places, elf::File& file)
      : places(std::move(split_places)), program(file) {
    for (const std::string& path : places.packages) packages.push_back({path, false, {}, {}});
  }

  Half find_half(const Skeleton& skeleton, std::string& problem);
  bool find_in_packages(const Skeleton& skeleton, Half& half, std::string& problem);
  base::Result<elf::File> join(const Half& half, const Skeleton& skeleton);
  std::span<const uint8_t> piece_of(const Half& half, const SectionKind& kind, bool is_old);

  SplitPlaces places;
  elf::File& program;
  std::vector<Package> packages;
  std::vector<uint64_t> address_bases, ranges_bases;  ///< of all units
  bool is_sorted = false;
  uint64_t bytes = 0;  ///< copied for units so far
};

bool SplitFiles::State::find_in_packages(const Skeleton& skeleton, Half& half,
                                         std::string& problem) {
  for (Package& package : packages) {
    if (!std::exchange(package.is_open, true)) {
      auto file = elf::File::open(package.path);
      if (!file || !file->is_native_order()) continue;
      package.file.emplace(std::move(*file));
      package.index = section_of(*package.file, "debug_cu_index");
    }
    if (!package.file) continue;
    half.pieces = find_pieces(package.index, skeleton.id);
    if (half.pieces) {
      half.file = &*package.file;
      return true;
    }
    problem = package.path + " does not hold its unit";
  }
  return false;
}

/// Paths that the compiler told are foreign: below `root`, or below the program's folder where that is elsewhere.
Half SplitFiles::State::find_half(const Skeleton& skeleton, std::string& problem) {
  Half half;
  if (find_in_packages(skeleton, half, problem)) return half;
  const std::string& root = places.root;
  const std::string folder = program.name().substr(0, program.name().rfind('/') + 1);
  std::vector<std::pair<std::string, std::string>> tries{{root, skeleton.name}};
  if (!skeleton.name.starts_with('/')) {  // as the compiler told, else beside the program
    tries = {{root, skeleton.folder + "/" + skeleton.name}};
    if (folder.starts_with(root)) {
      tries.emplace_back(root, folder.substr(root.size()) + skeleton.name);
    } else {
      tries.emplace_back(folder, skeleton.name);
    }
  }
  for (const auto& [below, path] : tries) {
    const auto fd = base::open_regular(path, below);
    auto file =
        fd ? elf::File::open(fd->number(), below + path) : base::Result<elf::File>(fd.error());
    if (file && file->is_native_order()) {
      half.file = &half.own.emplace(std::move(*file));
      return half;
    }
    if (!file && problem.empty()) problem = file.error().what;
  }
  return half;
}

std::span<const uint8_t> SplitFiles::State::piece_of(const Half& half, const SectionKind& kind,
                                                     bool is_old) {
  const auto bytes = section_of(*half.file, std::string(kind.name) + ".dwo");
  const uint32_t number = is_old ? kind.in_version_2 : kind.in_version_5;
  if (!half.pieces || number == 0) return bytes;
  const auto piece = half.pieces->find(number);
  if (piece == half.pieces->end()) return {};
  const auto from = behind(bytes, piece->second.offset);
  return from.first(std::min<size_t>(from.size(), piece->second.size_bytes));
}

/// The pieces of the half, all of each section or those that the index tells, with what the program holds of the unit.
base::Result<elf::File> SplitFiles::State::join(const Half& half, const Skeleton& skeleton) {
  const bool is_old = skeleton.version < 5;
  std::vector<std::pair<std::string, std::span<const uint8_t>>> parts;
  for (const SectionKind& kind : kKinds)
    parts.emplace_back(kind.name, piece_of(half, kind, is_old));
  std::optional<OwnStrings> own;
  if (half.pieces) {
    own.emplace(parts[kOffsets].second, parts[kStrings].second, !is_old);
    parts[kOffsets].second = own->offsets();
    parts[kStrings].second = own->strings();
  }
  parts.emplace_back("debug_addr", part_of(section_of(program, "debug_addr"), address_bases,
                                           skeleton.address_base));
  if (is_old)
    parts.emplace_back("debug_ranges", part_of(section_of(program, "debug_ranges"), ranges_bases,
                                               skeleton.ranges_base));
  uint64_t total = 0;
  for (const auto& part : parts) total += part.second.size();
  const bool is_too_much = total > kMostOfUnit;
  if (is_too_much || total > kMostOfProgram - bytes) {
    return base::make_error(
        base::Code::kUnsupported,
        fmt::format("{}: {} more than {} MiB", half.file->name(),
                    is_too_much ? "its unit has" : "the program's units together have",
                    (is_too_much ? kMostOfUnit : kMostOfProgram) >> 20));
  }
  bytes += total;
  elf::Image image(program.machine());
  for (const auto& [name, part] : parts) {
    if (!part.empty()) image.add("." + name, part);
  }
  return image.finish(half.file->name());
}

SplitFiles::SplitFiles(SplitPlaces places, elf::File& program)
    : state_(std::make_unique<State>(std::move(places), program)) {}
SplitFiles::~SplitFiles() = default;

void SplitFiles::add(Dwarf_Die root) {
  const Skeleton skeleton = read_skeleton(root);
  state_->address_bases.push_back(skeleton.address_base);
  state_->ranges_bases.push_back(skeleton.ranges_base);
  state_->is_sorted = false;
}

std::unique_ptr<SplitUnit> SplitFiles::load(Dwarf_Die root, std::string& problem) {
  if (!std::exchange(state_->is_sorted, true)) {
    std::sort(state_->address_bases.begin(), state_->address_bases.end());
    std::sort(state_->ranges_bases.begin(), state_->ranges_bases.end());
  }
  const Skeleton skeleton = read_skeleton(root);
  if (skeleton.name.empty()) {
    problem = "it does not name its .dwo file";
    return nullptr;
  }
  const Half half = state_->find_half(skeleton, problem);
  if (half.file == nullptr) return nullptr;
  auto joined = state_->join(half, skeleton);
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

SplitUnit::~SplitUnit() {
  if (dwarf_ != nullptr) dwarf_end(dwarf_);
}

}  // namespace oc::symbol
