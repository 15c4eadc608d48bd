#include "sys/cpus.h"

#include <fmt/format.h>

#include <charconv>
#include <fstream>
#include <iterator>

namespace oc::sys {

namespace {

constexpr int32_t kMaxCpus = 1 << 16;  // above NR_CPUS of every kernel: a damaged list stays small

/// Takes a number off the front of `text`; false when there is none.
bool take_number(std::string_view& text, int32_t& number) {
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || number < 0 || number >= kMaxCpus) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return true;
}

bool take(std::string_view& text, char wanted) {
  if (text.empty() || text.front() != wanted) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

base::Result<std::vector<int32_t>> parse_cpu_list(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  const auto whole = text;
  const auto broken = [&] {
    return base::make_error(base::Code::kInvalid, fmt::format("not a list of CPUs: '{}'", whole));
  };
  std::vector<int32_t> cpus;
  if (text.empty()) return cpus;
  do {
    int32_t first = 0;
    if (!take_number(text, first)) return broken();
    int32_t last = first;
    if (take(text, '-') && (!take_number(text, last) || last < first)) return broken();
    for (int32_t cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
  } while (take(text, ','));
  if (!text.empty()) return broken();
  return cpus;
}

base::Result<std::vector<int32_t>> load_online_cpus(const std::string& path) {
  std::ifstream file(path);
  if (!file) return base::system_error(errno, "cannot read " + path);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  auto cpus = parse_cpu_list(text);
  if (!cpus) return std::move(cpus.error()).context("cannot read " + path);
  if (cpus->empty()) return base::make_error(base::Code::kInvalid, path + " names no CPU");
  return cpus;
}

}  // namespace oc::sys
