#include "symbol/line_index.h"

#include <dwarf.h>
#include <elf.h>
#include <elfutils/libdw.h>

#include <algorithm>
#include <optional>

#include "symbol/line_unit.h"
#include "symbol/segments.h"

namespace oc::symbol {
namespace {

constexpr size_t kMostUnits = 1 << 22;
constexpr size_t kMostUnitRanges = 1 << 18;  ///< of one unit

struct DwarfHandle {
  explicit DwarfHandle(Elf* elf) : dwarf(dwarf_begin_elf(elf, DWARF_C_READ, nullptr)) {}
  DwarfHandle(const DwarfHandle&) = delete;
  DwarfHandle& operator=(const DwarfHandle&) = delete;
  ~DwarfHandle() { dwarf_end(dwarf); }
  Dwarf* dwarf;
};

}  // namespace

struct LineIndex::Unit {
  Dwarf_Die root{};
  bool is_split = false;
  std::optional<LineUnit> read;
};

struct LineIndex::State {
  State(elf::File& program, elf::File* alt_file, SplitPlaces split_places)
      : file(program), split_files(std::move(split_places), program), main(file.handle()) {
    if (alt_file != nullptr) alt.emplace(alt_file->handle());
    if (main.dwarf == nullptr) return;
    if (alt && alt->dwarf != nullptr) dwarf_setalt(main.dwarf, alt->dwarf);
    for (const elf::Section& section : file.sections()) {
      if ((section.flags & SHF_EXECINSTR) == 0 || section.address == 0) continue;
      code.push_back({section.address, section.address + section.size_bytes, 0, 0});
    }
    if (file.is_native_order()) {  // of the other order there are lines, which libdw reads
      info = load(file, "debug_info");
      abbreviations = load(file, "debug_abbrev");
    }
    read_units();
  }

  void read_units();
  std::span<const uint8_t> load(elf::File& file, std::string_view name);
  void add_ranges(Dwarf_Die& root, uint32_t index, std::vector<Range>& ranges);
  bool is_code(uint64_t begin) const {
    return code.empty() || std::any_of(code.begin(), code.end(), [&](const Range& range) {
             return begin >= range.begin && begin < range.end;
           });
  }

  elf::File& file;
  SplitFiles split_files;
  std::span<const uint8_t> info, abbreviations;  ///< as libdw has them: decompressed
  std::optional<DwarfHandle> alt;                // outlives what refers to it
  DwarfHandle main;
  std::vector<Unit> units;
  std::vector<Range> code;  ///< sections; what the linker threw away lies in none
  Segments segments;
  size_t split = 0;
  size_t bad = 0;
};

std::span<const uint8_t> LineIndex::State::load(elf::File& file, std::string_view name) {
  for (const char* prefix : {".", ".z"}) {
    if (const auto* section = file.find_section(prefix + std::string(name)))
      return file.load_bytes(*section);
  }
  return {};
}

void LineIndex::State::read_units() {
  std::vector<Range> ranges;
  Dwarf_CU* unit = nullptr;
  Dwarf_Die root;
  uint8_t type = 0;
  int state = 0;
  while ((state = dwarf_get_units(main.dwarf, unit, &unit, nullptr, &type, &root, nullptr)) == 0 &&
         units.size() < kMostUnits) {
    Dwarf_Attribute attribute;
    const bool is_split =
        type == DW_UT_skeleton || dwarf_attr(&root, DW_AT_GNU_dwo_name, &attribute) != nullptr;
    if (is_split) ++split;
    if (dwarf_tag(&root) != DW_TAG_compile_unit && dwarf_tag(&root) != DW_TAG_skeleton_unit)
      continue;
    const auto index = static_cast<uint32_t>(units.size());
    units.push_back({root, is_split, {}});
    if (is_split) split_files.add(root);
    add_ranges(units.back().root, index, ranges);
  }
  if (state < 0) ++bad;
  segments = Segments(std::move(ranges));
}

void LineIndex::State::add_ranges(Dwarf_Die& root, uint32_t index, std::vector<Range>& ranges) {
  Dwarf_Addr base = 0, begin = 0, end = 0;
  ptrdiff_t at = 0;
  const size_t before = ranges.size();
  while ((at = dwarf_ranges(&root, at, &base, &begin, &end)) > 0) {
    if (begin < end && is_code(begin)) ranges.push_back({begin, end, 0, index});
    if (ranges.size() - before >= kMostUnitRanges) break;
  }
}

LineIndex::LineIndex(elf::File& file, elf::File* alt, SplitPlaces split)
    : state_(std::make_unique<State>(file, alt, std::move(split))) {}
LineIndex::~LineIndex() = default;

bool LineIndex::has_lines(const elf::File& file) {
  for (const char* name : {".debug_info", ".zdebug_info"}) {
    const auto* section = file.find_section(name);
    if (section != nullptr && section->type != SHT_NOBITS) return true;
  }
  return false;
}

void LineIndex::find(uint64_t address, std::vector<SourceCall>& calls) {
  const uint32_t index = state_->segments.find(address);
  if (index == Segments::kNothing) return;
  Unit& unit = state_->units[index];
  if (!unit.read) {
    unit.read.emplace(state_->main.dwarf, unit.root, state_->info, state_->abbreviations);
    if (unit.is_split) {
      std::string problem;
      unit.read->use_split(state_->split_files.load(unit.root, problem));
    }
    if (!unit.read->load()) ++state_->bad;
  }
  unit.read->find(address, calls);
}

uint32_t LineIndex::unit_at(uint64_t address) const { return state_->segments.find(address); }

size_t LineIndex::units() const { return state_->units.size(); }
size_t LineIndex::split_units() const { return state_->split; }
std::string LineIndex::find_split(std::string& problem) {
  for (const Unit& unit : state_->units) {
    if (!unit.is_split) continue;
    const auto split = state_->split_files.load(unit.root, problem);
    return split ? split->name() : std::string();
  }
  return {};
}
size_t LineIndex::bad_units() const { return state_->bad; }

}  // namespace oc::symbol
