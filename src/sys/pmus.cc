#include "sys/pmus.h"

#include <dirent.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <memory>
#include <utility>

#include "base/glob.h"
#include "sys/cpus.h"

namespace oc::sys {

namespace {

using base::Code;
using base::Result;

/// The first line of a file; nothing when it cannot be read.
std::optional<std::string> first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  return line;
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(opendir(folder.c_str()), closedir);
  while (const dirent* entry = dir ? readdir(dir.get()) : nullptr) {
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// A name that stays in its folder.
bool is_plain(const std::string& name) {
  return !name.empty() && name.front() != '.' && name.find('/') == std::string::npos;
}

bool take_number(std::string_view& text, uint32_t& value) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc()) return false;
  text.remove_prefix(static_cast<size_t>(parsed.ptr - text.data()));
  return true;
}

/// "uncore_imc_3" is meant by "uncore_imc" and "imc": perf's rule for units of which there are several.
bool is_one_of(const std::string& name, const std::string& wanted) {
  for (const std::string& prefix : {wanted, "uncore_" + wanted}) {
    if (name == prefix) return true;
    if (name.size() <= prefix.size() + 1 || name.compare(0, prefix.size() + 1, prefix + "_") != 0)
      continue;
    if (name.find_first_not_of("0123456789", prefix.size() + 1) == std::string::npos) return true;
  }
  return false;
}

}  // namespace

uint32_t PmuFormat::bits() const {
  uint32_t count = 0;
  for (const Range& range : ranges) count += range.last - range.first + 1;
  return count;
}

bool PmuFormat::place(uint64_t value, uint64_t& config) const {
  if (bits() < 64 && value >> bits() != 0) return false;
  for (const Range& range : ranges) {
    const uint32_t width = range.last - range.first + 1;
    const uint64_t mask = width == 64 ? ~uint64_t{0} : (uint64_t{1} << width) - 1;
    config |= (value & mask) << range.first;
    value = width == 64 ? 0 : value >> width;
  }
  return true;
}

Result<PmuFormat> parse_pmu_format(std::string_view text, const std::string& path) {
  const auto bad = [&] {
    return base::make_error(Code::kInvalid, path + " does not say which bits a term fills");
  };
  PmuFormat format;
  const size_t colon = text.find(':');
  const std::string_view word = text.substr(0, colon);
  static constexpr std::string_view kWords[] = {"config", "config1", "config2", "config3"};
  const auto* found = std::find(std::begin(kWords), std::end(kWords), word);
  if (colon == std::string_view::npos || found == std::end(kWords)) return bad();
  format.word = static_cast<int>(found - std::begin(kWords));
  std::string_view rest = text.substr(colon + 1);
  while (true) {
    PmuFormat::Range range{};
    if (!take_number(rest, range.first)) return bad();
    range.last = range.first;
    if (!rest.empty() && rest.front() == '-') {
      rest.remove_prefix(1);
      if (!take_number(rest, range.last)) return bad();
    }
    if (range.last < range.first || range.last > 63) return bad();
    format.ranges.push_back(range);
    if (rest.empty() || rest.front() != ',') break;
    rest.remove_prefix(1);
  }
  const bool has_more = rest.find_first_not_of(" \t\n") != std::string_view::npos;
  if (has_more || format.bits() > 64) return bad();
  return format;
}

std::optional<Pmu> Pmus::load(const std::string& name) const {
  Pmu pmu{name, root_ + "/" + name, 0, {}};
  const auto type = first_line(pmu.folder + "/type");
  if (!type) return std::nullopt;
  std::string_view text = *type;
  if (!take_number(text, pmu.type)) return std::nullopt;
  // "cpumask": one CPU of each package; "cpus": those that have the unit.
  for (const char* file : {"/cpumask", "/cpus"}) {
    const auto line = first_line(pmu.folder + file);
    if (!line || line->empty()) continue;
    if (auto cpus = parse_cpu_list(*line)) pmu.cpus = std::move(*cpus);
    break;
  }
  return pmu;
}

std::vector<Pmu> Pmus::find(const std::string& name) const {
  std::vector<Pmu> found;
  if (!is_plain(name)) return found;
  if (!base::is_glob(name)) {
    if (auto pmu = load(name)) return {std::move(*pmu)};
  }
  for (const std::string& known : names()) {
    const bool matches =
        base::is_glob(name) ? base::glob_matches(name, known) : is_one_of(known, name);
    if (!matches) continue;
    if (auto pmu = load(known)) found.push_back(std::move(*pmu));
  }
  return found;
}

std::vector<std::string> Pmus::names() const { return names_in(root_); }

std::optional<std::string> Pmus::event(const Pmu& pmu, const std::string& name) const {
  if (!is_plain(name)) return std::nullopt;
  return first_line(pmu.folder + "/events/" + name);
}

std::vector<std::string> Pmus::events(const Pmu& pmu) const {
  std::vector<std::string> events;
  for (std::string& name : names_in(pmu.folder + "/events")) {
    if (name.find('.') == std::string::npos) events.push_back(std::move(name));  // .scale, .unit
  }
  return events;
}

Result<std::optional<PmuFormat>> Pmus::format(const Pmu& pmu, const std::string& name) const {
  const std::string path = pmu.folder + "/format/" + name;
  const auto line = is_plain(name) ? first_line(path) : std::nullopt;
  if (!line) return std::optional<PmuFormat>();
  auto format = parse_pmu_format(*line, path);
  if (!format) return std::move(format.error());
  return std::optional<PmuFormat>(std::move(*format));
}

std::vector<std::string> Pmus::formats(const Pmu& pmu) const {
  return names_in(pmu.folder + "/format");
}

}  // namespace oc::sys
