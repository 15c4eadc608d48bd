#include "perf/refusals.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace oc::perf {

namespace {

constexpr size_t kMostNames = 8;

std::string list_of(const std::vector<std::string>& names) {
  std::string list;
  for (size_t i = 0; i < std::min(names.size(), kMostNames); ++i) {
    list += (i == 0 ? "'" : ", '") + names[i] + "'";
  }
  if (names.size() > kMostNames) list += fmt::format(" and {} more", names.size() - kMostNames);
  return list;
}

}  // namespace

void Refusals::add(const std::string& name, bool is_optional, base::Error error) {
  Group& group = is_optional ? left_out_[error.sys_errno] : needed_;
  if (group.names.empty()) group.error = std::move(error);
  group.names.push_back(name);
}

void Refusals::append_notes(std::vector<std::string>& notes) const {
  for (const auto& [number, group] : left_out_) {
    const size_t count = group.names.size();
    notes.push_back(fmt::format("left out {}{}: {}",
                                count == 1 ? "" : fmt::format("{} events, ", count),
                                list_of(group.names), group.error.what));
  }
}

base::Status Refusals::status() const {
  if (needed_.names.empty()) return {};
  base::Error error = needed_.error;
  if (needed_.names.size() > 1) {
    const std::vector<std::string> others(needed_.names.begin() + 1, needed_.names.end());
    error.what += "; neither " + list_of(others);
  }
  return error;
}

base::Status Refusals::first() const {
  if (!needed_.names.empty()) return needed_.error;
  if (left_out_.empty()) return {};
  return left_out_.begin()->second.error;
}

}  // namespace oc::perf
