#include "format/measure.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "format/escapes.h"

namespace oc::format {

namespace {

struct Step {
  double size;
  std::string_view unit;
};

/// In the largest unit that leaves a whole part.
std::string text_in(double number, std::span<const Step> steps) {
  for (const Step& step : steps) {
    if (std::abs(number) >= step.size)
      return fmt::format("{:.4g} {}", number / step.size, step.unit);
  }
  return fmt::format("{:.4g} {}", number, steps.back().unit);
}

constexpr std::array<Step, 4> kTimes{{{1e9, "s"}, {1e6, "ms"}, {1e3, "µs"}, {1, "ns"}}};
constexpr std::array<Step, 5> kSizes{
    {{0x1p40, "TiB"}, {0x1p30, "GiB"}, {0x1p20, "MiB"}, {0x1p10, "KiB"}, {1, "B"}}};

}  // namespace

std::string text_in_groups(double number) {
  const std::string text =
      number == std::trunc(number) ? fmt::format("{:.0f}", number) : fmt::format("{:.2f}", number);
  const size_t point = std::min(text.find('.'), text.size());
  std::string grouped;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool is_between = i > 0 && i < point && text[i - 1] != '-';
    if (is_between && (point - i) % 3 == 0) grouped += ',';
    grouped += text[i];
  }
  return grouped;
}

std::string text_of_nanos(double nanos) { return text_in(nanos, kTimes); }

std::string text_of_share(double part, double whole) {
  return fmt::format("{:.2f}%", whole == 0 ? 0 : 100 * part / whole);
}

std::string Measure::text(double number) const {
  if (by_value && type == machine::ValueType::kDuration) return text_in(number, kTimes);
  if (by_value && type == machine::ValueType::kBytes) return text_in(number, kSizes);
  return text_in_groups(number) + (!by_value && number == 1 ? " sample" : " " + unit);
}

Measure measure_of(const Export& what) {
  Measure measure;
  if (!what.values) return measure;
  if (what.is_mixed) {
    measure.why = "a part of several kinds of samples: each sample weighs 1, whatever its value";
    return measure;
  }
  std::vector<uint8_t> is_used(what.machine.kinds().size() + 1, 0);
  bool has_negative = false;
  what.selection.for_each_chunk([&](const auto& chunk, uint64_t, std::span<const uint16_t> places) {
    for (const uint16_t i : places) {
      if (chunk.kinds[i] < is_used.size()) is_used[chunk.kinds[i]] = 1;
      has_negative |= !(chunk.values[i] >= 0 && std::isfinite(chunk.values[i]));
    }
  });
  uint32_t kinds = 0;
  machine::KindId used;
  for (uint32_t id = 1; id < is_used.size(); ++id) {
    if (!is_used[id]) continue;
    ++kinds;
    used = {id};
  }
  if (kinds == 0) return measure;
  if (kinds > 1) {
    measure.why =
        fmt::format("{} kinds of samples: each sample weighs 1, whatever its value", kinds);
  } else if (has_negative) {
    measure.why = "there are values below zero: each sample weighs 1, whatever its value";
  } else {
    measure.by_value = true;
    measure.kind = used;
    measure.type = what.machine.kind(used).type;
    measure.unit = shorten(what.machine.text(what.machine.kind(used).name), 60);
  }
  return measure;
}

Measure folded_measure_of(const Export& what) {
  Measure measure = measure_of(what);
  if (!measure.by_value || what.in_values) return measure;
  const machine::Kind& kind = what.machine.kind(measure.kind);
  const bool is_counted = kind.is_sampled && kind.counted == machine::Counted::kSamples;
  return is_counted ? Measure() : measure;
}

std::string unit_of(const Measure& measure) {
  if (!measure.by_value) return "samples";
  using Type = machine::ValueType;
  const std::string_view unit = measure.type == Type::kDuration ? "ns of "
                                : measure.type == Type::kBytes  ? "bytes of "
                                                                : "";
  return std::string(unit) + measure.unit;
}

}  // namespace oc::format
