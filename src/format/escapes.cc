#include "format/escapes.h"

#include <algorithm>
#include <cmath>

#include "format/frame_texts.h"
#include "machine/selection.h"

namespace oc::format {

std::string shorten(std::string_view text, size_t most_bytes) {
  // Bytes that are no UTF-8 become three each; this is enough of them.
  const std::string clean = clean_text(text.substr(0, most_bytes + 8));
  if (clean.size() <= most_bytes && text.size() <= most_bytes + 8) return clean;
  size_t end = std::min(clean.size(), most_bytes);
  while (end > 0 && end < clean.size() && (static_cast<uint8_t>(clean[end]) & 0xc0) == 0x80) --end;
  return clean.substr(0, end) + "\u2026";
}

void append_xml(std::string& out, std::string_view text) {
  const std::string clean = clean_text(text);
  for (size_t i = 0; i < clean.size(); ++i) {
    // U+FFFE and U+FFFF are no characters of XML.
    if (clean.compare(i, 3, "\xef\xbf\xbe") == 0 || clean.compare(i, 3, "\xef\xbf\xbf") == 0) {
      out += "\xef\xbf\xbd";
      i += 2;
      continue;
    }
    const char c = clean[i];
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
}

void append_json(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : clean_text(text)) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '<') {
      out += "\\u003c";  // "</script>" would end the element
    } else {
      out += c;
    }
  }
  out += '"';
}

void append_json(std::string& out, double number) {
  out += std::isfinite(number) ? machine::text_of_number(number) : "null";
}

std::string hex(std::span<const uint8_t> bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const uint8_t byte : bytes) text.append({kDigits[byte >> 4], kDigits[byte & 15]});
  return text;
}

}  // namespace oc::format
