#include "format/frame_texts.h"

namespace oc::format {

namespace {

/// How long the UTF-8 sequence at the beginning is; 0: it is none (RFC 3629).
size_t sequence_length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const auto follows = [&](size_t i, uint8_t low = 0x80, uint8_t high = 0xbf) {
    return i < text.size() && byte(i) >= low && byte(i) <= high;
  };
  const uint8_t first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const uint8_t low = first == 0xe0 ? 0xa0 : 0x80, high = first == 0xed ? 0x9f : 0xbf;
    return follows(1, low, high) && follows(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const uint8_t low = first == 0xf0 ? 0x90 : 0x80, high = first == 0xf4 ? 0x8f : 0xbf;
    return follows(1, low, high) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

/// Up to the first byte that is no character of ASCII that may be shown.
size_t plain_length(std::string_view text) {
  size_t length = 0;
  while (length < text.size() && text[length] >= 0x20 && text[length] < 0x7f) ++length;
  return length;
}

}  // namespace

void append_utf8(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const size_t length = sequence_length(text);
    if (length == 0) {
      out += "\xef\xbf\xbd";
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
}

std::string clean_text(std::string_view text) {
  const size_t plain = plain_length(text);
  std::string clean(text.substr(0, plain));
  text.remove_prefix(plain);
  if (text.empty()) return clean;
  clean.reserve(plain + text.size());
  while (!text.empty()) {
    const size_t length = sequence_length(text);
    const auto first = static_cast<uint8_t>(text[0]);
    if (length == 0) {
      clean += "\xef\xbf\xbd";
    } else if (first < 0x20 || first == 0x7f) {
      clean += first == 0 ? "\xef\xbf\xbd" : " ";
    } else {
      clean += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return clean;
}

std::span<const FrameText> read_stack(machine::Machine& machine, machine::StackRef stack,
                                      bool inlined, std::vector<FrameText>& buffer) {
  buffer.clear();
  const process::StackView view = machine.stack(stack);
  for (size_t i = 0; i < view.frames.size(); ++i) {
    const machine::Place place = machine.places.find(view.frames[i]);
    for (size_t k = inlined ? 0 : place.lines.size() - 1; k < place.lines.size(); ++k) {
      const machine::Line& line = place.lines[k];
      FrameText frame;
      frame.function = line.function;
      frame.file = line.file;
      frame.line = line.line;
      frame.is_inlined = k + 1 < place.lines.size();
      frame.is_kernel = place.is_kernel || i < view.kernel_frames;
      frame.frame = view.frames[i];
      buffer.push_back(frame);
    }
  }
  return buffer;
}

}  // namespace oc::format
