// The kernel's format text, and payloads read by what it says. The text ends at the first NUL; what
// follows is the payload.

#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "event/event_format.h"
#include "event/field_bytes.h"
#include "event/record_text.h"
#include "fuzz/target.h"

using oc::fuzz::require;

using oc::event::EventFormat;
using oc::event::Field;
using oc::event::FieldBytes;

namespace {

void check(const EventFormat& format, std::span<const uint8_t> payload) {
  require(!format.name.empty());
  require(format.fixed_size() <= oc::event::kMaxPayload);
  for (const Field& field : format.fields) {
    require(!field.name.empty());
    require(field.element_size != 0);
    require(format.find(field.name) == &field);
    const FieldBytes found = oc::event::field_bytes(field, payload);
    if (found.size == 0) continue;
    require(found.data >= payload.data());
    require(found.data + found.size <= payload.data() + payload.size());
  }
  std::string text;
  oc::event::append_text(format, payload, text);
  require(text.find('\n') == std::string::npos);
}

}  // namespace

FUZZ_TARGET(format, data, size) {
  const void* nul = size == 0 ? nullptr : std::memchr(data, 0, size);
  const size_t length =
      nul == nullptr ? size : static_cast<size_t>(static_cast<const uint8_t*>(nul) - data);
  const std::string_view text(reinterpret_cast<const char*>(data), length);
  const auto payload = std::span(data, size).subspan(nul == nullptr ? size : length + 1);
  for (const uint32_t long_size : {8u, 4u}) {
    const auto format = oc::event::parse_format(text, "fuzz", long_size);
    if (format) check(*format, payload);
  }
  return 0;
}
