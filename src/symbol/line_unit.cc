#include "symbol/line_unit.h"

#include <dwarf.h>
#include <gelf.h>

#include <algorithm>
#include <filesystem>
#include <unordered_map>

#include "base/bytes.h"
#include "elf/dwarf_entries.h"

namespace oc::symbol {
namespace {

constexpr uint32_t kMostDepth = 4096;
constexpr uint32_t kNoCode = Segments::kNothing - 1;
constexpr uint32_t kMostEntryRanges = 1 << 16;  ///< of one entry

std::string_view text_of(const char* text) { return text == nullptr ? "" : text; }

uint32_t number_of(Dwarf_Die* entry, unsigned name) {
  Dwarf_Attribute attribute;
  Dwarf_Word value = 0;
  if (dwarf_attr(entry, name, &attribute) == nullptr) return 0;
  return dwarf_formudata(&attribute, &value) == 0 ? static_cast<uint32_t>(value) : 0;
}

/// The section of ranges that a unit of DWARF 5 names them in by number.
std::span<const uint8_t> range_lists(Dwarf* dwarf) {
  Elf* const elf = dwarf_getelf(dwarf);
  size_t names = 0;
  if (elf == nullptr || elf_getshdrstrndx(elf, &names) != 0) return {};
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf, section)) != nullptr;) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) == nullptr ||
        text_of(elf_strptr(elf, names, header.sh_name)) != ".debug_rnglists")
      continue;
    const Elf_Data* const data = elf_rawdata(section, nullptr);
    if (data == nullptr || data->d_buf == nullptr) return {};
    return {static_cast<const uint8_t*>(data->d_buf), data->d_size};
  }
  return {};
}

/// Where the ranges of an entry of a split unit begin in their section; false: it has none, or they are not there.
bool find_ranges(Dwarf_Die& entry, uint64_t& first) {
  Dwarf_Attribute told;
  Dwarf_Word value = 0;
  if (dwarf_attr(&entry, DW_AT_ranges, &told) == nullptr || dwarf_formudata(&told, &value) != 0)
    return false;
  first = value;
  if (dwarf_whatform(&told) != DW_FORM_rnglistx) return true;
  const auto lists = range_lists(dwarf_cu_getdwarf(entry.cu));
  base::Bytes header(lists);
  const bool is_wide = header.read<uint32_t>() == 0xffffffff;
  const uint64_t offsets = is_wide ? 20 : 12, width = is_wide ? 8 : 4;  // behind the header
  if (value > lists.size()) return false;
  base::Bytes place(lists);
  place.skip(offsets + value * width);
  first = offsets + (is_wide ? place.read<uint64_t>() : place.read<uint32_t>());
  return !place.failed();
}

}  // namespace

std::string LineUnit::whole_path(const char* name) const {
  std::string path(text_of(name));
  if (path.empty()) return path;
  if (path[0] != '/' && !folder_.empty()) path = folder_ + "/" + path;
  const bool has_detour =
      path.find("/./") != path.npos || path.find("/../") != path.npos || path.starts_with("./");
  return has_detour ? std::filesystem::path(path).lexically_normal().string() : path;
}

bool LineUnit::load() {
  Dwarf_Attribute folder;
  if (dwarf_attr(&root_, DW_AT_comp_dir, &folder) != nullptr)
    folder_ = text_of(dwarf_formstring(&folder));
  const bool has_lines = load_lines();
  // Of two halves each has files of its own: those of lines, and those of calls.
  Dwarf_Die entries = split_ ? split_->root() : root_;
  if (dwarf_getsrcfiles(&entries, &unit_files_, &unit_file_count_) != 0 &&
      dwarf_getsrcfiles(&root_, &unit_files_, &unit_file_count_) != 0)
    unit_files_ = nullptr;
  return walk() && has_lines;
}

bool LineUnit::load_lines() {
  Dwarf_Attribute attribute;
  if (dwarf_attr(&root_, DW_AT_stmt_list, &attribute) == nullptr) return true;
  Dwarf_Lines* lines = nullptr;
  size_t count = 0;
  if (dwarf_getsrclines(&root_, &lines, &count) != 0) return false;
  std::unordered_map<const char*, uint32_t> known;
  rows_.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    Dwarf_Line* const line = dwarf_onesrcline(lines, i);
    Row row;
    bool is_end = false;
    int number = 0;
    if (dwarf_lineaddr(line, &row.address) != 0 || dwarf_lineendsequence(line, &is_end) != 0 ||
        dwarf_lineno(line, &number) != 0)
      return false;
    row.line = static_cast<uint32_t>(number);
    row.file = Segments::kNothing;
    if (!is_end) {
      const char* const file = dwarf_linesrc(line, nullptr, nullptr);
      const auto [at, is_new] = known.try_emplace(file, static_cast<uint32_t>(files_.size()));
      if (is_new) files_.push_back(whole_path(file));
      row.file = at->second;
    }
    // Of rows for one address the last one counts; an end never takes the place of a beginning.
    if (!rows_.empty() && rows_.back().address == row.address) {
      if (!is_end || rows_.back().file == Segments::kNothing) rows_.back() = row;
    } else {
      rows_.push_back(row);
    }
  }
  return std::is_sorted(rows_.begin(), rows_.end(),
                        [](const Row& a, const Row& b) { return a.address < b.address; });
}

/// All entries in the order of the file, with the function that each lies in.
bool LineUnit::walk() {
  elf::DwarfUnit unit;
  Dwarf_Die self;
  Dwarf_Off abbreviations = 0;
  Dwarf_Die root = split_ ? split_->root() : root_;
  unit.first_entry = dwarf_dieoffset(&root);
  if (dwarf_cu_die(root.cu, &self, &unit.version, &abbreviations, &unit.address_size,
                   &unit.offset_size, nullptr, nullptr) == nullptr)
    return false;
  unit.abbreviations = abbreviations;
  elf::DwarfEntries entries(split_ ? split_->info() : info_,
                            split_ ? split_->abbreviations() : abbreviations_, unit);
  std::vector<Range> ranges;
  std::vector<uint32_t> functions{Segments::kNothing};  // by depth: around the entries there
  while (entries.next()) {
    const uint32_t depth = entries.depth();
    if (depth + 1 >= kMostDepth) return false;
    functions.resize(depth + 2, Segments::kNothing);
    const bool is_inlined = entries.tag() == DW_TAG_inlined_subroutine;
    uint32_t inside = functions[depth];
    if (is_inlined || entries.tag() == DW_TAG_subprogram || entries.tag() == DW_TAG_entry_point) {
      const uint32_t made =
          entries.has_code() ? add_node(entries.offset(), is_inlined, inside, ranges) : kNoCode;
      if (made != kNoCode) inside = made;
      if (made == kNoCode && !is_inlined) inside = Segments::kNothing;
    }
    functions[depth + 1] = inside;
  }
  segments_ = Segments(std::move(ranges));
  return !entries.failed();
}

/// The node's index, or kNoCode: it is declared only, or was inlined without a trace.
uint32_t LineUnit::add_node(uint64_t offset, bool is_inlined, uint32_t caller,
                            std::vector<Range>& ranges) {
  const auto index = static_cast<uint32_t>(nodes_.size());
  InlineNode node;
  if (dwarf_offdie(split_ ? split_->dwarf() : dwarf_, offset, &node.entry) == nullptr)
    return kNoCode;
  Dwarf_Addr base = 0, begin = 0, end = 0;
  uint64_t first = 0;
  const bool lacks_base = split_ && split_->base() != 0 && find_ranges(node.entry, first);
  // From a place on libdw goes on with the base that it is given; 0 would be the beginning, where it takes the unit's own.
  auto at = static_cast<ptrdiff_t>(first);
  if (lacks_base && first != 0) base = split_->base();
  const size_t before = ranges.size();
  while ((at = dwarf_ranges(&node.entry, at, &base, &begin, &end)) > 0) {
    const uint64_t more = lacks_base && first == 0 && base == 0 ? split_->base() : 0;
    if (begin < end) ranges.push_back({begin + more, end + more, 0, index});
    if (ranges.size() - before >= kMostEntryRanges) break;
  }
  if (ranges.size() == before) return kNoCode;
  uint32_t depth = 0;
  if (is_inlined) {
    node.caller = caller;
    node.call_file = number_of(&node.entry, DW_AT_call_file);
    node.call_line = number_of(&node.entry, DW_AT_call_line);
    depth = caller == Segments::kNothing ? 1 : nodes_[caller].depth + 1;
  }
  node.depth = depth;
  for (size_t i = before; i < ranges.size(); ++i) ranges[i].priority = depth;
  nodes_.push_back(node);
  return index;
}

std::string_view LineUnit::name_of(InlineNode& node) {
  if (node.has_name) return node.name;
  node.has_name = true;
  for (const unsigned name : {DW_AT_linkage_name, DW_AT_MIPS_linkage_name, DW_AT_name}) {
    Dwarf_Attribute
        attribute;  // found through abstract_origin and specification, at most 16 of them
    if (dwarf_attr_integrate(&node.entry, name, &attribute) == nullptr) continue;
    node.name = text_of(dwarf_formstring(&attribute));
    if (!node.name.empty()) break;
  }
  return node.name;
}

std::string_view LineUnit::file_of(uint32_t index) {
  if (unit_files_ == nullptr || index >= unit_file_count_) return {};
  call_files_.resize(unit_file_count_);
  std::string& path = call_files_[index];
  if (path.empty()) path = whole_path(dwarf_filesrc(unit_files_, index, nullptr, nullptr));
  return path;
}

const LineUnit::Row* LineUnit::find_row(uint64_t address) const {
  const auto after =
      std::upper_bound(rows_.begin(), rows_.end(), address,
                       [](uint64_t wanted, const Row& row) { return wanted < row.address; });
  if (after == rows_.begin() || std::prev(after)->file == Segments::kNothing) return nullptr;
  return &*std::prev(after);
}

void LineUnit::find(uint64_t address, std::vector<SourceCall>& calls) {
  const Row* const row = find_row(address);
  SourceCall call;
  if (row != nullptr) {
    call.file = files_[row->file];
    call.line = row->line;
  }
  uint32_t at = segments_.find(address);
  if (at == Segments::kNothing) {
    if (row != nullptr) calls.push_back(call);
    return;
  }
  for (; at != Segments::kNothing; at = nodes_[at].caller) {
    InlineNode& node = nodes_[at];
    call.function = name_of(node);
    calls.push_back(call);
    call.file = file_of(node.call_file);
    call.line = node.call_line;
  }
}

}  // namespace oc::symbol
