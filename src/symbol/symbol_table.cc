#include "symbol/symbol_table.h"

#include <elf.h>

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "base/bytes.h"
#include "elf/plt.h"
#include "elf/symbol_section.h"

namespace oc::symbol {
namespace {

using elf::Section;
using Symbol = SymbolTable::Symbol;

/// Which text a name lies in.
enum Text : uint8_t { kMade, kFile, kDebug, kMini, kDynamic };

bool starts_before(const Symbol& a, const Symbol& b) { return a.start < b.start; }

/// "$a", "$t", "$d", "$x", also with ".n": where code and data begin, for disassemblers of ARM, AArch64, RISC-V, C-SKY.
bool is_mapping_symbol(std::string_view name) {
  return name.size() >= 2 && name[0] == '$' &&
         (name.size() == 2 || name[2] == '.' || name[1] == 'x') &&
         (name[1] == 'a' || name[1] == 't' || name[1] == 'd' || name[1] == 'x');
}

bool has_mapping_symbols(uint16_t machine) {
  return machine == EM_ARM || machine == EM_AARCH64 || machine == EM_RISCV || machine == EM_CSKY;
}

/// Whether `a` is the better name of two for one place.
bool is_better(const Symbol& a, std::string_view a_name, const Symbol& b, std::string_view b_name) {
  const bool a_has_size = a.size_bytes != 0, b_has_size = b.size_bytes != 0;
  if (a_has_size != b_has_size) return a_has_size;
  // Of labels the last one: perf gives them sizes first, and all but the last reach no further than to the next.
  if (!a_has_size) return a.source == b.source;
  const bool a_is_weak = a.binding == STB_WEAK, b_is_weak = b.binding == STB_WEAK;
  if (a_is_weak != b_is_weak) return b_is_weak;
  const bool a_is_global = a.binding == STB_GLOBAL, b_is_global = b.binding == STB_GLOBAL;
  if (a_is_global != b_is_global) return a_is_global;
  const auto underscores = [](std::string_view name) {
    return std::min(name.find_first_not_of('_'), name.size());
  };
  const size_t a_lines = underscores(a_name), b_lines = underscores(b_name);
  if (a_lines != b_lines) return a_lines < b_lines;
  return a_name.size() > b_name.size();  // of the same length, the first
}

uint32_t bounded_size(uint64_t size) {
  return static_cast<uint32_t>(std::min<uint64_t>(size, std::numeric_limits<uint32_t>::max()));
}

/// Where the last label ends, as perf has it: at the end of the next page.
uint64_t end_of_last(uint64_t start) {
  const uint64_t page_end = start | 4095;
  return page_end + std::min(std::numeric_limits<uint64_t>::max() - page_end, uint64_t{4097});
}

}  // namespace

/// Collects the symbols of one file's tables.
class SymbolTable::Reader {
 public:
  explicit Reader(SymbolTable& table) : table_(table) {}

  /// False: there is no such table, or nothing in it.
  bool add(elf::File& file, uint32_t type, Text text, NameSource source) {
    const elf::SymbolSection section(file, type);
    if (section.size() == 0) return false;
    table_.texts_[text] = section.names();
    const auto& sections = file.sections();
    const bool is_relocatable = file.type() == ET_REL;
    const bool has_marks = has_mapping_symbols(file.machine());
    const size_t before = table_.symbols_.size();
    table_.symbols_.reserve(before + section.size() / 2);
    for (size_t i = 1; i < section.size(); ++i) {
      const elf::Symbol symbol = section[i];
      if (symbol.name == 0 || symbol.section == SHN_UNDEF || symbol.section >= sections.size())
        continue;
      const Section& home = sections[symbol.section];
      const bool is_function = symbol.type == STT_FUNC || symbol.type == STT_GNU_IFUNC;
      const bool is_label = symbol.type == STT_NOTYPE || symbol.type == STT_OBJECT;
      if (!is_function && !(is_label && (home.flags & SHF_EXECINSTR) != 0)) continue;
      if (has_marks && is_mapping_symbol(section.name(symbol))) continue;
      uint64_t start = symbol.value;
      if (is_relocatable) start += home.offset;
      if (file.machine() == EM_ARM && is_function) start &= ~uint64_t{1};  // Thumb code
      table_.symbols_.push_back(
          {start, bounded_size(symbol.size_bytes), symbol.name, text, symbol.binding, source});
    }
    return table_.symbols_.size() != before;
  }

  void add_plt(elf::File& file) {
    const auto entries = elf::load_plt(file);
    const auto choosers = find_choosers(entries);
    for (const elf::PltEntry& entry : entries) {
      std::string name = entry.target;
      if (name.empty()) name = chooser_name(choosers, entry.resolver);
      name += "@plt";
      const auto at = static_cast<uint32_t>(table_.made_.size());
      table_.made_.insert(table_.made_.end(), name.begin(), name.end());
      table_.made_.push_back(0);
      table_.symbols_.push_back(
          {entry.address, entry.size_bytes, at, kMade, STB_GLOBAL, NameSource::kPlt});
    }
    table_.texts_[kMade] = table_.made_;
  }

 private:
  static constexpr size_t kNobody = ~size_t{0};
  using Choosers =
      std::unordered_map<uint64_t, size_t>;  ///< address: index of its symbol, or kNobody

  /// The functions that choose other ones when the program starts: in one pass, for a file may have many of either.
  Choosers find_choosers(std::span<const elf::PltEntry> entries) const {
    Choosers choosers;
    for (const elf::PltEntry& entry : entries) {
      if (entry.target.empty()) choosers.emplace(entry.resolver, kNobody);
    }
    if (choosers.empty()) return choosers;
    const auto& symbols = table_.symbols_;
    for (size_t i = 0; i < symbols.size(); ++i) {
      const auto wanted = choosers.find(symbols[i].start);
      if (wanted == choosers.end()) continue;
      size_t& best = wanted->second;
      if (best == kNobody ||
          is_better(symbols[i], table_.name(symbols[i]), symbols[best], table_.name(symbols[best])))
        best = i;
    }
    return choosers;
  }
  std::string chooser_name(const Choosers& choosers, uint64_t address) const {
    const auto found = choosers.find(address);
    const bool is_known = found != choosers.end() && found->second != kNobody;
    return is_known ? std::string(table_.name(table_.symbols_[found->second])) : "*ABS*";
  }

  SymbolTable& table_;
};

SymbolTable::SymbolTable(elf::File* file, elf::File* debug, elf::File* mini) {
  Reader reader(*this);
  const bool has_own = file != nullptr && reader.add(*file, SHT_SYMTAB, kFile, NameSource::kSymtab);
  if (!has_own && debug != nullptr) reader.add(*debug, SHT_SYMTAB, kDebug, NameSource::kDebugFile);
  if (mini != nullptr) reader.add(*mini, SHT_SYMTAB, kMini, NameSource::kMiniDebug);
  if (file != nullptr) reader.add(*file, SHT_DYNSYM, kDynamic, NameSource::kDynsym);
  if (file != nullptr) reader.add_plt(*file);
  choose();
  std::vector<uint64_t> ends;
  elf::File* const laid_out = file != nullptr ? file : debug;
  if (laid_out != nullptr) {
    const bool is_relocatable = laid_out->type() == ET_REL;
    for (const Section& section : laid_out->sections()) {
      if ((section.flags & SHF_EXECINSTR) == 0) continue;
      ends.push_back((is_relocatable ? section.offset : section.address) + section.size_bytes);
    }
  }
  std::sort(ends.begin(), ends.end());
  lay_out(ends);
}

SymbolTable::SymbolTable(std::vector<Symbol> symbols, std::span<const uint8_t> names)
    : symbols_(std::move(symbols)) {
  texts_[kMade] = names;
  for (Symbol& symbol : symbols_) symbol.text = kMade;
  choose();
  are_labels_ = std::all_of(symbols_.begin(), symbols_.end(),
                            [](const Symbol& symbol) { return symbol.size_bytes == 0; });
  if (!are_labels_) {
    lay_out({});
  } else if (!symbols_.empty()) {
    labels_end_ = end_of_last(symbols_.back().start);
  }
}

const SymbolTable::Symbol* SymbolTable::find_label(uint64_t address) const {
  if (address >= labels_end_) return nullptr;
  const auto after =
      std::upper_bound(symbols_.begin(), symbols_.end(), address,
                       [](uint64_t place, const Symbol& symbol) { return place < symbol.start; });
  return after == symbols_.begin() ? nullptr : &*std::prev(after);
}

std::string_view SymbolTable::name(const Symbol& symbol) const {
  const auto text = texts_[symbol.text];
  if (symbol.name >= text.size()) return {};
  return base::bounded_text(text.data() + symbol.name, text.size() - symbol.name);
}

void SymbolTable::sort(std::span<Symbol> symbols) {
  if (std::is_sorted(symbols.begin(), symbols.end(), starts_before)) return;
  std::stable_sort(symbols.begin(), symbols.end(), starts_before);
}

/// Sorts, and leaves one of each place. Tables that come first win among equals: the sort is stable.
void SymbolTable::choose() {
  sort(symbols_);
  size_t kept = 0;
  for (const Symbol& symbol : symbols_) {
    if (kept == 0 || symbols_[kept - 1].start != symbol.start) {
      symbols_[kept++] = symbol;
    } else if (is_better(symbol, name(symbol), symbols_[kept - 1], name(symbols_[kept - 1]))) {
      symbols_[kept - 1] = symbol;
    }
  }
  symbols_.resize(kept);
  if (kept < symbols_.capacity() / 4 * 3) symbols_.shrink_to_fit();
}

void SymbolTable::lay_out(std::span<const uint64_t> section_ends) {
  constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();
  std::vector<Range> ranges;
  ranges.reserve(symbols_.size());
  for (uint32_t i = 0; i < symbols_.size(); ++i) {
    const Symbol& symbol = symbols_[i];
    uint64_t end = symbol.start + symbol.size_bytes;
    if (end < symbol.start) end = kMost;
    const bool is_label = symbol.size_bytes == 0;
    if (is_label) {
      // Up to the next symbol or the end of its section.
      end = i + 1 < symbols_.size() ? symbols_[i + 1].start : end_of_last(symbol.start);
      const auto limit = std::upper_bound(section_ends.begin(), section_ends.end(), symbol.start);
      if (limit != section_ends.end()) end = std::min(end, *limit);
    }
    ranges.push_back({symbol.start, end, is_label ? 0u : 1u, i});
  }
  segments_ = Segments(std::move(ranges));
}

size_t SymbolTable::count(NameSource source) const {
  return static_cast<size_t>(
      std::count_if(symbols_.begin(), symbols_.end(),
                    [&](const Symbol& symbol) { return symbol.source == source; }));
}

uint64_t SymbolTable::size_bytes() const {
  return symbols_.capacity() * sizeof(Symbol) + segments_.size_bytes() + made_.capacity();
}

}  // namespace oc::symbol
