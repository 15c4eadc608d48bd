#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace oc::perf {

constexpr const char* kModifierHint =
    "modifiers are u k h (where), p pp ppp P (precision), G H I S D e W";

/// What the letters behind an event mean, as in perf: u k h (count only there), G H (guest, host), p
/// (once for each step of precision), P (the most precise that works), I (not while idle), S (the
/// leader samples, and reads the group), D (pinned), e (exclusive), W (a group that may be taken
/// apart).
struct Modifiers {
  std::string letters;  ///< as written, those of the group last
  bool exclude_user = false;
  bool exclude_kernel = false;
  bool exclude_hv = false;
  bool exclude_host = false;
  bool exclude_guest = false;
  bool exclude_idle = false;
  bool names_guest = false;  ///< G or H was given: what neither says is the default's
  bool precise_max = false;
  bool sample_read = false;
  bool pinned = false;
  bool exclusive = false;
  bool weak = false;
  uint8_t precise = 0;

  bool names_ring() const { return exclude_user || exclude_kernel || exclude_hv; }
};

/// "period=100000": what stands between slashes.
struct EventTerm {
  std::string name;
  std::string value;
  bool has_value = false;
};

/// One event as the user wrote it, taken apart; nothing is looked up.
///
///     cpu/event=0x3c,umask=0/uk    name "cpu", two terms, modifiers
///     cycles/freq=99/              name "cycles", one term
///     sched:sched_switch:u         name "sched:sched_switch", modifiers
///     mem:0x1000/8:rw:u            name "mem", bp_* and modifiers
struct EventText {
  std::string text;  ///< as written
  std::string name;
  std::vector<EventTerm> terms;
  bool has_terms = false;  ///< there were slashes
  Modifiers modifiers;
  uint32_t group = 0;  ///< 0: none; those of one group are neighbours

  bool is_breakpoint = false;
  uint64_t bp_addr = 0;
  uint64_t bp_len = 0;  ///< 0: not said
  std::string bp_access;
};

/// Takes apart a list as perf takes it: "cycles:u,{cpu-clock,page-faults}:S,cpu/config=0x3c/".
/// Source of the grammar: perf-list(1), perf-record(1), tools/perf/util/parse-events.l.
/// Errors name the part that cannot be read. Input may be anything.
base::Result<std::vector<EventText>> parse_event_list(std::string_view text);

/// Takes terms apart: "event=0x3c,umask=0".
base::Result<std::vector<EventTerm>> parse_terms(std::string_view text, const std::string& of);

/// A decimal number, or a hexadecimal one behind 0x; nothing else.
base::Result<uint64_t> parse_event_number(std::string_view text, const std::string& of);

/// What a hexadecimal text is, without 0x.
base::Result<uint64_t> parse_event_hex(std::string_view text, const std::string& of);

}  // namespace oc::perf
