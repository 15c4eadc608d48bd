#include "perf/event_lookup.h"

#include <errno.h>
#include <fmt/format.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "base/glob.h"
#include "base/nearest.h"
#include "perf/attr_builder.h"
#include "perf/cache_events.h"
#include "perf/event_names.h"
#include "perf/event_opener.h"

namespace oc::perf {

namespace {

using base::Code;
using base::make_error;
using base::Result;
using base::Status;

std::string of_event(const EventText& event) { return "event '" + event.text + "'"; }

bool is_hex(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789abcdefABCDEF") == text.npos;
}

bool is_raw(std::string_view name) {
  return name.size() > 1 && name.size() <= 17 && name[0] == 'r' && is_hex(name.substr(1));
}

EventRequest make(std::string_view name, uint32_t type, uint64_t config, const EventText& event) {
  EventRequest request;
  request.name = name_with(name, event.modifiers);
  request.type = type;
  request.config = config;
  request.modifiers = event.modifiers;
  return request;
}

EventRequest make_breakpoint(const EventText& event) {
  EventRequest request = make(event.text, PERF_TYPE_BREAKPOINT, 0, EventText{});
  request.modifiers = event.modifiers;
  request.config1 = event.bp_addr;
  const std::string access = event.bp_access.empty() ? "rw" : event.bp_access;
  for (const char letter : access) {
    request.bp_type |= letter == 'r' ? uint32_t{HW_BREAKPOINT_R} : 0u;
    request.bp_type |= letter == 'w' ? uint32_t{HW_BREAKPOINT_W} : 0u;
    request.bp_type |= letter == 'x' ? uint32_t{HW_BREAKPOINT_X} : 0u;
  }
  const bool is_execution = request.bp_type == HW_BREAKPOINT_X;
  request.config2 = event.bp_len != 0 ? event.bp_len : is_execution ? sizeof(long) : 4;
  request.with_address = true;
  return request;
}

/// "4:0x3c": perf_event_attr.type and config.
Result<std::vector<EventRequest>> numeric(const EventText& event, size_t colon) {
  auto type = parse_event_number(std::string_view(event.name).substr(0, colon), of_event(event));
  if (!type) return std::move(type.error());
  auto config = parse_event_number(std::string_view(event.name).substr(colon + 1), of_event(event));
  if (!config) return std::move(config.error());
  if (*type > std::numeric_limits<uint32_t>::max()) {
    return make_error(Code::kUsage, of_event(event) + ": the type has more than 32 bits");
  }
  return std::vector<EventRequest>{make(event.name, static_cast<uint32_t>(*type), *config, event)};
}

/// The terms of one unit's event, put into the request's config words.
class UnitEvent {
 public:
  UnitEvent(const EventText& event, const sys::Pmus& pmus, const sys::Pmu& pmu)
      : event_(event), pmus_(pmus), pmu_(pmu) {}

  Result<EventRequest> make(const std::vector<EventTerm>& terms) {
    for (const EventTerm& term : terms) {
      if (auto status = apply(term, 0); !status) return std::move(status.error());
    }
    if (words_[3] != 0) {
      return make_error(Code::kUnsupported, of_event(event_) + " needs config3",
                        "this program was built for kernels before 6.3");
    }
    EventRequest request = perf::make(event_.text, pmu_.type, words_[0], EventText{});
    request.modifiers = event_.modifiers;
    request.config1 = words_[1];
    request.config2 = words_[2];
    request.cpus = pmu_.cpus;
    return request;
  }

 private:
  Status apply(const EventTerm& term, int depth) {
    static constexpr std::string_view kWords[] = {"config", "config1", "config2", "config3"};
    for (size_t i = 0; i < std::size(kWords); ++i) {
      if (term.name != kWords[i]) continue;
      auto value = parse_event_number(term.has_value ? term.value : "", of_event(event_));
      if (!value) return std::move(value.error());
      words_[i] |= *value;
      return {};
    }
    auto format = pmus_.format(pmu_, term.name);
    if (!format) return std::move(format.error()).context(of_event(event_));
    if (*format) return place(term, **format);
    if (!term.has_value && depth == 0) {
      if (const auto text = pmus_.event(pmu_, term.name)) return apply_named(*text, depth);
      if (is_raw(term.name)) {
        auto value = parse_event_hex(std::string_view(term.name).substr(1), of_event(event_));
        if (!value) return std::move(value.error());
        words_[0] |= *value;
        return {};
      }
    }
    return unknown(term);
  }

  /// An event of the unit is other terms of it.
  Status apply_named(const std::string& text, int depth) {
    auto terms = parse_terms(text, of_event(event_));
    if (!terms) return std::move(terms.error());
    for (const EventTerm& term : *terms) {
      if (auto status = apply(term, depth + 1); !status) return status;
    }
    return {};
  }

  Status place(const EventTerm& term, const sys::PmuFormat& format) {
    uint64_t value = 1;
    if (term.has_value) {
      auto read = parse_event_number(term.value, of_event(event_));
      if (!read) return std::move(read.error());
      value = *read;
    }
    if (format.place(value, words_[format.word])) return {};
    return make_error(Code::kUsage, fmt::format("{}: {}={:#x} does not fit into {} bits",
                                                of_event(event_), term.name, value, format.bits()));
  }

  Status unknown(const EventTerm& term) const {
    auto known = pmus_.formats(pmu_);
    const auto events = pmus_.events(pmu_);
    known.insert(known.end(), events.begin(), events.end());
    for (const char* own : {"config", "config1", "config2", "name", "period", "freq", "call-graph",
                            "stack-size", "max-stack"}) {
      known.emplace_back(own);
    }
    std::string hint = base::did_you_mean(base::nearest(term.name, known));
    if (hint.empty()) {
      hint = "it has";
      for (size_t i = 0; i < known.size() && i < 20; ++i) hint += (i == 0 ? " " : ", ") + known[i];
    }
    return make_error(
        Code::kUsage,
        fmt::format("{}: unit '{}' has no '{}'", of_event(event_), pmu_.name, term.name), hint);
  }

  const EventText& event_;
  const sys::Pmus& pmus_;
  const sys::Pmu& pmu_;
  uint64_t words_[4] = {};
};

Result<std::vector<EventRequest>> of_units(const EventText& event,
                                           const std::vector<sys::Pmu>& units,
                                           const sys::Pmus& pmus,
                                           const std::vector<EventTerm>& terms) {
  std::vector<EventRequest> requests;
  for (const sys::Pmu& unit : units) {
    auto request = UnitEvent(event, pmus, unit).make(terms);
    if (!request) return std::move(request.error());
    if (units.size() > 1) request->name = unit.name + event.text.substr(event.text.find('/'));
    requests.push_back(std::move(*request));
  }
  return requests;
}

/// "mem-loads", without its unit: the units that have an event of the name.
Result<std::vector<EventRequest>> by_unit_event(const EventText& event, const sys::Pmus& pmus) {
  std::vector<sys::Pmu> units;
  if (event.name.find(':') != std::string::npos) return std::vector<EventRequest>();
  for (const std::string& name : pmus.names()) {
    for (sys::Pmu& unit : pmus.find(name)) {
      if (pmus.event(unit, event.name)) units.push_back(std::move(unit));
    }
  }
  std::vector<EventRequest> requests;
  for (const sys::Pmu& unit : units) {
    auto request = UnitEvent(event, pmus, unit).make({{event.name, "", false}});
    if (!request) return std::move(request.error());
    requests.push_back(std::move(*request));
  }
  return requests;
}

Status no_such_unit(const EventText& event, const sys::Pmus& pmus) {
  const auto names = pmus.names();
  std::string hint = base::did_you_mean(base::nearest(event.name, names));
  if (hint.empty() && names.empty()) hint = "the kernel shows none in " + pmus.root();
  const bool lists = hint.empty();
  for (size_t i = 0; lists && i < names.size() && i < 20; ++i)
    hint += (i == 0 ? "it has " : ", ") + names[i];
  return make_error(Code::kNotFound,
                    of_event(event) + ": this machine has no unit '" + event.name + "'", hint);
}

/// What an event by name is, its terms apart.
Result<std::vector<EventRequest>> by_name(const EventText& event, const sys::Pmus& pmus) {
  const std::string& name = event.name;
  if (const auto* known = find_named_event(name))
    return std::vector<EventRequest>{make(known->name, known->type, known->config, event)};
  if (const auto cache = find_cache_event(name))
    return std::vector<EventRequest>{make(cache->name, PERF_TYPE_HW_CACHE, cache->config, event)};
  const size_t colon = name.find(':');
  if (colon != std::string::npos && name[0] >= '0' && name[0] <= '9') return numeric(event, colon);
  auto found = by_unit_event(event, pmus);
  if (!found || !found->empty() || !is_raw(name)) return found;
  auto config = parse_event_hex(std::string_view(name).substr(1), of_event(event));
  if (!config) return std::move(config.error());
  return std::vector<EventRequest>{make(name, PERF_TYPE_RAW, *config, event)};
}

/// perf lets config words of any event be said: "cycles/config=5/".
Status take_config_terms(const EventText& event, EventRequest& request,
                         std::vector<EventTerm>& terms) {
  std::vector<EventTerm> rest;
  for (EventTerm& term : terms) {
    uint64_t* const word = term.name == "config"    ? &request.config
                           : term.name == "config1" ? &request.config1
                           : term.name == "config2" ? &request.config2
                                                    : nullptr;
    if (word == nullptr) {
      rest.push_back(std::move(term));
      continue;
    }
    auto value = parse_event_number(term.value, of_event(event));
    if (!value) return std::move(value.error());
    *word = *value;
  }
  terms = std::move(rest);
  return {};
}

}  // namespace

std::string name_with(std::string_view name, const Modifiers& modifiers) {
  std::string text(name);
  if (!modifiers.letters.empty()) text += ":" + modifiers.letters;
  return text;
}

bool is_rate(const EventRequest& request) {
  switch (request.type) {
    case PERF_TYPE_TRACEPOINT:
    case PERF_TYPE_BREAKPOINT:
      return false;
    case PERF_TYPE_SOFTWARE:
      return request.config == PERF_COUNT_SW_CPU_CLOCK ||
             request.config == PERF_COUNT_SW_TASK_CLOCK;
    default:
      return true;
  }
}

bool is_fault(const EventRequest& request) {
  if (request.type != PERF_TYPE_SOFTWARE) return false;
  return request.config == PERF_COUNT_SW_PAGE_FAULTS ||
         request.config == PERF_COUNT_SW_PAGE_FAULTS_MIN ||
         request.config == PERF_COUNT_SW_PAGE_FAULTS_MAJ;
}

Result<std::vector<EventTerm>> apply_run_terms(const EventText& event, EventRequest& request) {
  std::vector<EventTerm> rest;
  for (const EventTerm& term : event.terms) {
    const auto number = [&](uint64_t least, uint64_t most) -> Result<uint64_t> {
      auto value = parse_event_number(term.value, of_event(event));
      if (value && (*value < least || *value > most)) {
        return make_error(Code::kUsage,
                          fmt::format("{}: {} is {}", of_event(event), term.name, *value),
                          fmt::format("it may be from {} to {}", least, most));
      }
      return value;
    };
    constexpr uint64_t kMost = uint64_t{1} << 62;
    Result<uint64_t> value = uint64_t{0};
    if (term.name == "period") {
      if ((value = number(1, kMost))) request.period = *value;
      request.frequency_hz = 0;
    } else if (term.name == "freq") {
      if ((value = number(1, 1'000'000'000))) request.frequency_hz = *value;
    } else if (term.name == "name" && term.has_value) {
      request.name = term.value;
    } else if (term.name == "max-stack") {
      if ((value = number(1, 65535))) request.stacks.most_frames = static_cast<uint16_t>(*value);
    } else if (term.name == "stack-size") {
      if ((value = number(8, 65528)))
        request.stacks.dump_bytes = static_cast<uint32_t>(*value) & ~7u;
    } else if (term.name == "call-graph") {
      const bool is_known = term.value == "fp" || term.value == "dwarf" || term.value == "no";
      if (!is_known) {
        return make_error(Code::kUsage, of_event(event) + ": call-graph is '" + term.value + "'",
                          "it may be fp, dwarf or no");
      }
      request.stacks.kind = term.value == "fp"      ? Stacks::kFramePointer
                            : term.value == "dwarf" ? Stacks::kDwarf
                                                    : Stacks::kNone;
    } else {
      rest.push_back(term);
    }
    if (!value) return std::move(value.error());
  }
  return rest;
}

Result<std::vector<EventRequest>> look_up_event(const EventText& event, const sys::Pmus& pmus) {
  if (event.is_breakpoint) return std::vector<EventRequest>{make_breakpoint(event)};
  EventRequest unused;
  auto terms = apply_run_terms(event, unused);
  if (!terms) return std::move(terms.error());
  const auto units = event.has_terms ? pmus.find(event.name) : std::vector<sys::Pmu>();
  if (!units.empty()) return of_units(event, units, pmus, *terms);
  auto found = by_name(event, pmus);
  if (!found) return found;
  if (found->size() == 1) {
    if (auto status = take_config_terms(event, found->front(), *terms); !status)
      return std::move(status.error());
  }
  if (!terms->empty() && (!found->empty() || event.name.find(':') != std::string::npos)) {
    return make_error(Code::kUsage, of_event(event) + " has no term '" + terms->front().name + "'",
                      "it takes period, freq, name, call-graph, stack-size, max-stack");
  }
  const size_t colon = event.name.rfind(':');
  if (found->empty() && colon != std::string::npos) {
    EventText before = event;
    before.name.resize(colon);
    const auto known = by_name(before, pmus);
    if (known && !known->empty()) {
      return make_error(Code::kUsage,
                        of_event(event) + ": '" + event.name.substr(colon + 1) + "' is no modifier",
                        kModifierHint);
    }
  }
  if (found->empty() && event.has_terms && event.name.find(':') == std::string::npos)
    return std::move(no_such_unit(event, pmus).error());
  return found;
}

std::string why_missing(const EventRequest& request) {
  if (request.type == PERF_TYPE_TRACEPOINT || request.type == PERF_TYPE_BREAKPOINT) return {};
  perf_event_attr attr = make_event_attr(request, {});
  attr.sample_period = attr.freq = 0;
  attr.exclude_guest = 0;
  attr.exclude_kernel = attr.exclude_hv = request.type < PERF_TYPE_MAX;
  const Place anywhere{request.cpus.empty() ? 0 : -1, request.cpus.empty() ? -1 : request.cpus[0]};
  const base::Fd fd(open_perf_event(attr, anywhere.pid, anywhere.cpu));
  switch (-fd.number()) {
    case ENOENT:
    case ENODEV:
    case EOPNOTSUPP:
      return request.type == PERF_TYPE_SOFTWARE ? "this kernel does not have it"
                                                : "this machine does not have it";
    default:
      return {};
  }
}

std::vector<std::string> untraced_names(const sys::Pmus& pmus) {
  std::vector<std::string> names;
  for (const auto& named : named_events()) names.emplace_back(named.name);
  for (const auto& cache : cache_events()) names.push_back(cache.name);
  for (const std::string& unit : pmus.names()) {
    for (const sys::Pmu& pmu : pmus.find(unit)) {
      for (const std::string& event : pmus.events(pmu)) names.push_back(unit + "/" + event + "/");
    }
  }
  return names;
}

}  // namespace oc::perf
