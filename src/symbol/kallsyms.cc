#include "symbol/kallsyms.h"

#include <elf.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>

#include "base/bytes.h"

namespace oc::symbol {
namespace {

struct Line {
  uint64_t address = 0;
  char type = 0;
  std::string_view name;
  std::string_view module;
};

bool parse(std::string_view text, Line& line) {
  const char* const end = text.data() + text.size();
  const auto number = std::from_chars(text.data(), end, line.address, 16);
  if (number.ec != std::errc() || end - number.ptr < 4 || number.ptr[0] != ' ' ||
      number.ptr[2] != ' ')
    return false;
  line.type = number.ptr[1];
  line.name = {number.ptr + 3, end};
  line.module = {};
  const size_t tab = line.name.find('\t');
  if (tab != line.name.npos) {
    line.module = line.name.substr(tab + 1);
    if (line.module.size() < 2 || line.module[0] != '[' || line.module.back() != ']') return false;
    line.module = line.module.substr(1, line.module.size() - 2);
    line.name = line.name.substr(0, tab);
  }
  return !line.name.empty() && line.name.find('\0') == line.name.npos &&
         line.module.find('\0') == line.module.npos;
}

uint8_t binding_of(char type) {
  if (type == 'W' || type == 'w') return STB_WEAK;
  return type == 'T' ? STB_GLOBAL : STB_LOCAL;
}

void append(std::vector<uint8_t>& names, std::string_view text) {
  const size_t at = names.size();
  names.resize(at + text.size() + 1);
  if (!text.empty()) std::memcpy(names.data() + at, text.data(), text.size());
}

/// Labels behind a section's code: no names of anything.
bool is_end(std::string_view name) { return name == "_etext" || name == "_einittext"; }

void sort(std::vector<SymbolTable::Symbol>& symbols) {
  std::stable_sort(symbols.begin(), symbols.end(),
                   [](const auto& a, const auto& b) { return a.start < b.start; });
}

/// Where code ends that has no size: at the labels that say so, and in front of another module's no later than on the next page,
/// as of the last symbol of all (perf: symbols__fixup_end). What begins there has no name.
///
///     last kernel function | nothing ...........| first function of a module | nothing … | of the next module
void add_ends(KernelNames& found, std::vector<uint64_t> ends) {
  constexpr uint64_t kPage = 4096;
  auto& symbols = found.symbols;
  for (size_t i = 0; i + 1 < symbols.size(); ++i) {
    const uint64_t end = (symbols[i].start | (kPage - 1)) + 1 + kPage;
    const bool is_far = end > symbols[i].start && end < symbols[i + 1].start;
    if (is_far &&
        module_of(found.names, symbols[i].name) != module_of(found.names, symbols[i + 1].name))
      ends.push_back(end);
  }
  if (symbols.empty() || ends.empty()) return;
  const auto nameless = static_cast<uint32_t>(found.names.size());
  append(found.names, {});
  append(found.names, {});
  for (const uint64_t end : ends) {
    const auto at = std::lower_bound(symbols.begin(), symbols.end(), end,
                                     [](const auto& a, uint64_t b) { return a.start < b; });
    if (at == symbols.begin() || (at != symbols.end() && at->start == end)) continue;
    SymbolTable::Symbol symbol;
    symbol.start = end;
    symbol.name = nameless;
    symbol.binding = STB_LOCAL;
    symbol.source = NameSource::kKallsyms;
    symbols.insert(at, symbol);
  }
}

}  // namespace

KernelNames parse_kallsyms(std::string_view text) {
  KernelNames found;
  std::vector<uint64_t> ends;
  found.symbols.reserve(text.size() / 48);
  found.names.reserve(text.size() / 2);
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    Line line;
    const bool is_good = parse(text.substr(0, end), line);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!is_good) {
      ++found.skipped;
      continue;
    }
    if (line.address == 0 && line.type != 'A' && line.type != 'a') ++found.hidden;
    if (line.name == "_stext") found.text_start = line.address;
    if (line.name == "_text") found.text = line.address;
    if (is_end(line.name)) {
      ends.push_back(line.address);
      continue;
    }
    const bool is_code = std::strchr("tTwW", line.type) != nullptr && line.type != 0;
    if (!is_code || line.address == 0 || line.module == "bpf" || line.name[0] == '$') continue;
    if (found.names.size() > std::numeric_limits<uint32_t>::max() - text.size()) break;
    SymbolTable::Symbol symbol;
    symbol.start = line.address;
    symbol.name = static_cast<uint32_t>(found.names.size());
    symbol.binding = binding_of(line.type);
    symbol.source = NameSource::kKallsyms;
    append(found.names, line.name);
    append(found.names, line.module);
    found.symbols.push_back(symbol);
  }
  sort(found.symbols);
  add_ends(found, std::move(ends));
  return found;
}

std::string_view module_of(std::span<const uint8_t> names, uint32_t name) {
  base::Bytes at(names.subspan(std::min<size_t>(name, names.size())));
  at.c_string();
  return at.c_string();
}

}  // namespace oc::symbol
