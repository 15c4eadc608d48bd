#include "format/flame_svg.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>

#include "format/escapes.h"
#include "format/measure.h"
#include "format/pages.h"

namespace oc::format {

namespace {

// Points. flame_graph.js reads the same from the picture's data attributes.
constexpr double kWidth = 1200, kMargin = 10, kRow = 17, kLetter = 6.6;
constexpr double kTextLine = 16;  ///< of text around the boxes
constexpr size_t kMostTitle = 1500;

/// Of valid UTF-8: where so many characters end.
size_t end_of(std::string_view text, size_t characters) {
  size_t at = 0;
  while (at < text.size()) {
    if ((static_cast<uint8_t>(text[at]) & 0xc0) != 0x80 && characters-- == 0) break;
    ++at;
  }
  return at;
}

/// As much of it as a box of that width shows; "" where that would say nothing.
std::string fit(const std::string& name, double points) {
  const auto room = static_cast<size_t>(std::max(0.0, (points - 6) / kLetter));
  if (end_of(name, room) == name.size()) return name;
  return room < 3 ? "" : name.substr(0, end_of(name, room - 1)) + "\u2026";
}

struct Heights {
  double top = 0, boxes = 0, whole = 0;
};

Heights heights_of(const FlamePage& page, const FlameLayout& layout) {
  Heights heights;
  heights.top = 34 + kTextLine * static_cast<double>(page.notes.size() + 1) + 10;
  heights.boxes = kRow * layout.levels;
  heights.whole = heights.top + heights.boxes + kTextLine + 20;
  return heights;
}

std::string head_of(const FlamePage& page, const FlameLayout& layout, const Heights& heights) {
  std::string text = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>\n"
      "<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" width=\"{0}\" height=\"{1}\" "
      "viewBox=\"0 0 {0} {1}\" class=\"flame\" role=\"img\" aria-labelledby=\"title\" "
      "data-top=\"{2}\" data-row=\"{3}\" data-letter=\"{4}\" data-margin=\"{5}\">\n<style>",
      kWidth, heights.whole, heights.top, kRow, kLetter, kMargin);
  text += page_text("flame_graph.css");
  text += "</style>\n<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n";
  text += fmt::format("<text id=\"title\" class=\"title\" x=\"{}\" y=\"24\">", kMargin);
  append_xml(text, fit(shorten(page.title, kMostTitle), kWidth - 2 * kMargin - 320));
  text += "</text>\n";
  double y = 34;
  for (const std::string& note : page.notes) {
    text += fmt::format("<text class=\"note\" x=\"{}\" y=\"{}\">", kMargin, y += kTextLine);
    append_xml(text, shorten(note, kMostTitle));
    text += "</text>\n";
  }
  // Of the frame at hand, filled by the script.
  text += fmt::format(
      "<text id=\"details\" class=\"note\" aria-live=\"polite\" x=\"{}\" y=\"{}\"></text>\n",
      kMargin, heights.top - 8);
  text += fmt::format(
      "<svg id=\"frames\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" data-levels=\"{}\">\n",
      kMargin, heights.top, kWidth - 2 * kMargin, heights.boxes, layout.levels);
  return text;
}

/// <g class="STYLE"><title>NAME, details</title><rect/><text>what fits</text></g>
void append_box(std::string& text, const FlameBox& box, const FlameLook& look, uint32_t levels) {
  const double y = kRow * (levels - 1 - box.depth);
  const std::string name = shorten(look.name, kMostTitle);
  text += "<g class=\"" + look.style + "\"><title>";
  append_xml(text, name);
  for (size_t from = 0; from < look.details.size();) {
    const size_t to = std::min(look.details.find('\n', from), look.details.size());
    text += '\n';
    append_xml(text, look.details.substr(from, to - from));
    from = to + 1;
  }
  text += fmt::format("</title><rect x=\"{:.7g}%\" y=\"{}\" width=\"{:.7g}%\" height=\"{}\"/>",
                      100 * box.left, y, 100 * box.width, kRow - 1);
  const std::string shown = fit(name, box.width * (kWidth - 2 * kMargin));
  if (!shown.empty()) {
    text += fmt::format("<text x=\"{:.7g}%\" y=\"{}\" dx=\"3\">", 100 * box.left, y + 12);
    append_xml(text, shown);
    text += "</text>";
  }
  text += "</g>\n";
}

std::string foot_of(const FlamePage& page, const Heights& heights) {
  std::string text = "</svg>\n";
  const double y = heights.top + heights.boxes + 4;
  double x = kMargin;
  for (const auto& [style, name] : page.legend) {
    text += fmt::format(
        "<g class=\"{}\"><rect x=\"{}\" y=\"{}\" width=\"12\" height=\"12\"/></g>"
        "<text class=\"note\" x=\"{}\" y=\"{}\">",
        style, x, y + kTextLine - 10, x + 16, y + kTextLine);
    append_xml(text, name);
    text += "</text>\n";
    x += 16 + kLetter * static_cast<double>(name.size()) + 18;
  }
  text += "<script><![CDATA[\n";
  text += page_text("flame_graph.js");
  text += "]]></script>\n</svg>\n";
  return text;
}

}  // namespace

uint32_t shade_of(std::string_view name) {
  return static_cast<uint32_t>(XXH3_64bits(name.data(), name.size()) % 6);
}

std::string text_of_left_out(const FlameLayout& layout) {
  const uint64_t count = layout.too_narrow + layout.too_deep;
  if (count == 0) return "";
  std::string text = text_in_groups(static_cast<double>(count)) +
                     (count == 1 ? " frame is left out:" : " frames are left out:");
  if (layout.too_narrow != 0) {
    text +=
        fmt::format(" {} narrower than {:.2g}% of all",
                    text_in_groups(static_cast<double>(layout.too_narrow)), 100 * layout.narrowest);
  }
  if (layout.too_deep != 0) {
    text += fmt::format("{} {} deeper than {} levels", layout.too_narrow != 0 ? "," : "",
                        text_in_groups(static_cast<double>(layout.too_deep)), layout.levels);
  }
  return text;
}

base::Status write_flame_svg(const FlamePage& page, const FlameLayout& layout,
                             const std::function<FlameLook(const FlameBox&)>& look, Output& out) {
  const Heights heights = heights_of(page, layout);
  out.write(head_of(page, layout, heights));
  std::string text;
  for (const FlameBox& box : layout.boxes) {
    append_box(text, box, look(box), layout.levels);
    if (text.size() < 1 << 16) continue;
    out.write(text);
    text.clear();
    if (!out.status()) return {};
  }
  out.write(text);
  out.write(foot_of(page, heights));
  return {};
}

}  // namespace oc::format
