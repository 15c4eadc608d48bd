#include <cmath>
#include <optional>

#include "format/nettrace_writer.h"
#include "format/varint.h"
#include "machine/selection.h"

namespace oc::format {

namespace {

// Kinds of labels.
constexpr uint8_t kActivity = 1, kRelatedActivity = 2, kTraceId = 3, kSpanId = 4, kText = 5,
                  kNumber = 6, kLast = 0x80;

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/// The bytes that these hexadecimal digits say; hyphens between them are skipped. Empty where they are not `size`.
std::vector<uint8_t> read_digits(std::string_view text, size_t size) {
  std::vector<uint8_t> bytes;
  int high = -1;
  for (const char c : text) {
    if (c == '-' && high < 0) continue;
    const int digit = digit_of(c);
    if (digit < 0 || bytes.size() == size) return {};
    if (high < 0) {
      high = digit;
    } else {
      bytes.push_back(static_cast<uint8_t>(high << 4 | digit));
      high = -1;
    }
  }
  if (high >= 0 || bytes.size() != size) return {};
  return bytes;
}

/// The first three parts of a GUID as it is written are numbers, stored with their lowest byte first.
void turn_guid(std::vector<uint8_t>& bytes) {
  std::swap(bytes[0], bytes[3]);
  std::swap(bytes[1], bytes[2]);
  std::swap(bytes[4], bytes[5]);
  std::swap(bytes[6], bytes[7]);
}

uint8_t kind_of_id(std::string_view name) {
  if (name == "activity_id") return kActivity;
  if (name == "related_activity_id") return kRelatedActivity;
  if (name == "trace_id") return kTraceId;
  return name == "span_id" ? kSpanId : 0;
}

}  // namespace

void LabelList::clear() {
  bytes_.clear();
  last_ = 0;
}

bool LabelList::begin(uint8_t kind, size_t size_bytes) {
  if (bytes_.size() + size_bytes + 16 > NettraceWriter::kBlock / 2) {
    ++left_out_;
    return false;
  }
  last_ = bytes_.size();
  bytes_.put(kind);
  return true;
}

void LabelList::add(std::string_view name, std::string_view text) {
  if (const uint8_t kind = kind_of_id(name); kind != 0) {
    auto id = read_digits(text, kind == kSpanId ? 8 : 16);
    if (!id.empty()) {
      if (kind == kActivity || kind == kRelatedActivity) turn_guid(id);
      if (kind == kSpanId) std::reverse(id.begin(), id.end());
      if (begin(kind, id.size())) bytes_.put_bytes(id);
      return;
    }
  }
  name = cut_text(name);
  text = cut_text(text);
  if (!begin(kText, name.size() + text.size())) return;
  put_varuint(bytes_, name.size());
  bytes_.put_text(name);
  put_varuint(bytes_, text.size());
  bytes_.put_text(text);
}

void LabelList::add(std::string_view name, double number) {
  const bool is_whole = number == std::trunc(number) && std::abs(number) < 9.2e18;
  if (!is_whole) return add(name, machine::text_of_number(number));
  name = cut_text(name);
  if (!begin(kNumber, name.size())) return;
  put_varuint(bytes_, name.size());
  bytes_.put_text(name);
  put_varint(bytes_, static_cast<int64_t>(number));
}

std::span<const uint8_t> LabelList::finish() {
  bytes_.patch(last_, static_cast<uint8_t>(bytes_.bytes()[last_] | kLast));
  return bytes_.bytes();
}

}  // namespace oc::format
