#include "perf/event_text.h"

#include <fmt/format.h>

#include <charconv>

namespace oc::perf {

namespace {

using base::Code;
using base::make_error;
using base::Result;
using base::Status;

constexpr std::string_view kLetters = "ukhpPGHISDeW";
constexpr size_t kMostText = 64u << 10;
constexpr size_t kMostEvents = 4096;

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\n") - first + 1);
}

/// Foreign text in a sentence: cut, and without what a terminal would obey.
std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text.substr(0, 80)) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte < 0x20 || byte == 0x7f ? fmt::format("\\x{:02x}", byte) : std::string(1, c);
  }
  return out + (text.size() > 80 ? "…'" : "'");
}

bool is_letters(std::string_view text) {
  return !text.empty() && text.find_first_not_of(kLetters) == std::string_view::npos;
}

/// Adds letters to what was there before: perf applies those of a group behind the event's own.
Status apply(std::string_view letters, const std::string& of, Modifiers& out) {
  bool starts_ring = !out.names_ring();
  for (const char letter : letters) {
    if (letter == 'u' || letter == 'k' || letter == 'h') {
      if (starts_ring) out.exclude_user = out.exclude_kernel = out.exclude_hv = true;
      starts_ring = false;
      if (letter == 'u') out.exclude_user = false;
      if (letter == 'k') out.exclude_kernel = false;
      if (letter == 'h') out.exclude_hv = false;
    } else if (letter == 'G' || letter == 'H') {
      if (!out.names_guest) out.exclude_guest = out.exclude_host = true;
      out.names_guest = true;
      (letter == 'G' ? out.exclude_guest : out.exclude_host) = false;
    } else if (letter == 'p') {
      if (++out.precise > 3) {
        return make_error(Code::kUsage, of + " has more than three p", "ppp is the most precise");
      }
    } else {
      out.exclude_idle |= letter == 'I';
      out.precise_max |= letter == 'P';
      out.sample_read |= letter == 'S';
      out.pinned |= letter == 'D';
      out.exclusive |= letter == 'e';
      out.weak |= letter == 'W';
    }
  }
  if (out.exclusive && out.pinned) {
    return make_error(Code::kUsage, of + " cannot be pinned (D) and exclusive (e)",
                      "leave out one of them");
  }
  out.letters += letters;
  return {};
}

Status check_letters(std::string_view letters, const std::string& of) {
  const size_t wrong = letters.find_first_not_of(kLetters);
  if (!letters.empty() && wrong == std::string_view::npos) return {};
  const std::string what = letters.empty() ? "nothing stands behind the last ':'"
                                           : quoted(letters.substr(wrong, 1)) + " is no modifier";
  return make_error(Code::kUsage, of + ": " + what, kModifierHint);
}

/// "0x1000/8:rw:u" behind "mem:".
Status parse_breakpoint(std::string_view rest, const std::string& of, EventText& out) {
  out.is_breakpoint = true;
  out.name = "mem";
  size_t colon = rest.find(':');
  std::string_view place = rest.substr(0, colon);
  const size_t slash = place.find('/');
  auto addr = parse_event_number(place.substr(0, slash), of);
  if (!addr) return std::move(addr.error());
  out.bp_addr = *addr;
  if (slash != std::string_view::npos) {
    auto len = parse_event_number(place.substr(slash + 1), of);
    if (!len) return std::move(len.error());
    if (*len != 1 && *len != 2 && *len != 4 && *len != 8) {
      return make_error(Code::kUsage, fmt::format("{} watches {} bytes", of, *len),
                        "the length is 1, 2, 4 or 8");
    }
    out.bp_len = *len;
  }
  while (colon != std::string_view::npos) {
    const size_t from = colon + 1;
    colon = rest.find(':', from);
    const auto part = rest.substr(from, colon == std::string_view::npos ? colon : colon - from);
    const bool is_access = !part.empty() && part.find_first_not_of("rwx") == std::string_view::npos;
    if (is_access && out.bp_access.empty()) {
      out.bp_access = part;
      continue;
    }
    if (auto status = check_letters(part, of); !status) return status;
    if (auto status = apply(part, of, out.modifiers); !status) return status;
  }
  for (const char letter : out.bp_access) {
    if (out.bp_access.find(letter) != out.bp_access.rfind(letter)) {
      return make_error(Code::kUsage, of + " says '" + letter + "' twice", "as in mem:0x1000:rw");
    }
  }
  return {};
}

/// What may be a name: what nobody would write is refused before anything is looked up.
Status check_name(std::string_view name, const std::string& of) {
  if (name.empty()) return make_error(Code::kUsage, of + " has no name", "as in cycles:u");
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == 0x7f || c == '{' || c == '}' || c == '=') {
      return make_error(Code::kUsage, of + " has " + quoted(name) + " for a name",
                        "oc list events shows those of this machine");
    }
  }
  return {};
}

Result<EventText> parse_event(std::string_view text) {
  EventText event;
  event.text = text;
  const std::string of = "event " + quoted(text);
  if (text.substr(0, 4) == "mem:") {
    if (auto status = parse_breakpoint(text.substr(4), of, event); !status)
      return std::move(status.error());
    return event;
  }
  std::string_view name = text;
  std::string_view letters;
  const size_t slash = text.find('/');
  if (slash != std::string_view::npos) {
    const size_t close = text.find('/', slash + 1);
    if (close == std::string_view::npos) {
      return make_error(Code::kUsage, of + " has one slash only",
                        "terms stand between two, as in cpu/event=0x3c/");
    }
    name = text.substr(0, slash);
    letters = text.substr(close + 1);
    if (!letters.empty() && letters.front() == ':') letters.remove_prefix(1);
    if (close + 1 < text.size()) {
      if (auto status = check_letters(letters, of); !status) return std::move(status.error());
    }
    auto terms = parse_terms(text.substr(slash + 1, close - slash - 1), of);
    if (!terms) return std::move(terms.error());
    event.terms = std::move(*terms);
    event.has_terms = true;
  } else if (const size_t colon = text.rfind(':'); colon != std::string_view::npos) {
    const auto behind = text.substr(colon + 1);
    const bool is_second = text.find(':') != colon;
    if (is_letters(behind) || behind.empty() || is_second) {
      if (auto status = check_letters(behind, of); !status) return std::move(status.error());
      letters = behind;
      name = text.substr(0, colon);
    }
  }
  if (auto status = check_name(name, of); !status) return std::move(status.error());
  if (auto status = apply(letters, of, event.modifiers); !status) return std::move(status.error());
  event.name = name;
  return event;
}

/// Where the list's next item ends: at a comma outside of braces and slashes.
size_t end_of_item(std::string_view text, size_t at) {
  bool in_terms = false;
  int depth = 0;
  // The slash of "mem:0x1000/8" opens nothing.
  bool is_breakpoint = text.substr(at, 4) == "mem:";
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '/' && !is_breakpoint) in_terms = !in_terms;
    if (in_terms) continue;
    if (c == '{') ++depth;
    if (c == '}') --depth;
    if (c == ',' && depth <= 0) return at;
    if (c == ',' || c == '{') is_breakpoint = text.substr(at + 1, 4) == "mem:";
  }
  return at;
}

class ListParser {
 public:
  Result<std::vector<EventText>> parse(std::string_view text) {
    if (text.size() > kMostText) {
      return make_error(Code::kUsage, "a list of events is longer than 64 KiB", "use globs");
    }
    if (auto status = items(text, 0); !status) return std::move(status.error());
    return std::move(events_);
  }

 private:
  Status items(std::string_view text, uint32_t group) {
    size_t at = 0;
    do {
      while (at < text.size() && (text[at] == ' ' || text[at] == '\t' || text[at] == '\n')) ++at;
      const size_t end = end_of_item(text, at);
      if (auto status = item(trim(text.substr(at, end - at)), text, group); !status) return status;
      at = end + 1;
    } while (at <= text.size());
    return {};
  }

  Status item(std::string_view text, std::string_view list, uint32_t group) {
    if (text.empty()) {
      return make_error(Code::kUsage, "there is an event without a name in " + quoted(list),
                        "commas stand between events");
    }
    if (text.front() == '{') return this->group(text, group);
    auto event = parse_event(text);
    if (!event) return std::move(event.error());
    if (events_.size() == kMostEvents) {
      return make_error(Code::kUsage, "more than 4096 events are listed", "use globs");
    }
    event->group = group;
    events_.push_back(std::move(*event));
    return {};
  }

  Status group(std::string_view text, uint32_t outer) {
    const std::string of = "group " + quoted(text);
    const size_t close = text.rfind('}');
    if (outer != 0 || close == std::string_view::npos) {
      return make_error(Code::kUsage, of + (outer != 0 ? " is in a group" : " has no '}'"),
                        "as in {cycles,instructions}:S");
    }
    std::string_view letters = text.substr(close + 1);
    if (!letters.empty()) {
      if (letters.front() != ':') letters = {};
      if (!letters.empty()) letters.remove_prefix(1);
      if (auto status = check_letters(letters, of); !status) return status;
    }
    const size_t first = events_.size();
    if (auto status = items(text.substr(1, close - 1), ++groups_); !status) return status;
    for (size_t i = first; i < events_.size(); ++i) {
      if (auto status = apply(letters, of, events_[i].modifiers); !status) return status;
    }
    return {};
  }

  std::vector<EventText> events_;
  uint32_t groups_ = 0;
};

Result<uint64_t> parse_number(std::string_view text, int radix, const std::string& of) {
  uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value, radix);
  if (text.empty() || parsed.ptr != end || parsed.ec == std::errc::invalid_argument) {
    return make_error(Code::kUsage, of + ": " + quoted(text) + " is no number",
                      radix == 16 ? "as in 0x3c" : "as in 100000 or 0x3c");
  }
  if (parsed.ec != std::errc()) {
    return make_error(Code::kUsage, of + ": " + quoted(text) + " has more than 64 bits");
  }
  return value;
}

}  // namespace

Result<uint64_t> parse_event_number(std::string_view text, const std::string& of) {
  if (text.substr(0, 2) == "0x" || text.substr(0, 2) == "0X")
    return parse_number(text.substr(2), 16, of);
  return parse_number(text, 10, of);
}

Result<uint64_t> parse_event_hex(std::string_view text, const std::string& of) {
  return parse_number(text, 16, of);
}

Result<std::vector<EventTerm>> parse_terms(std::string_view text, const std::string& of) {
  std::vector<EventTerm> terms;
  if (trim(text).empty()) return terms;
  size_t at = 0;
  do {
    const size_t comma = text.find(',', at);
    const auto part = trim(text.substr(at, comma == std::string_view::npos ? comma : comma - at));
    const size_t equals = part.find('=');
    EventTerm term;
    term.name = trim(part.substr(0, equals));
    term.has_value = equals != std::string_view::npos;
    if (term.has_value) term.value = trim(part.substr(equals + 1));
    if (term.name.empty() || (term.has_value && term.value.empty())) {
      return make_error(Code::kUsage, of + ": " + quoted(part) + " is no term",
                        "as in event=0x3c,umask=0");
    }
    if (terms.size() == kMostEvents) return make_error(Code::kUsage, of + " has too many terms");
    terms.push_back(std::move(term));
    at = comma == std::string_view::npos ? text.size() + 1 : comma + 1;
  } while (at <= text.size());
  return terms;
}

Result<std::vector<EventText>> parse_event_list(std::string_view text) {
  return ListParser().parse(text);
}

}  // namespace oc::perf
