#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "format/flame_layout.h"
#include "format/output.h"

namespace oc::format {

/// What is said around the boxes of a flame graph.
struct FlamePage {
  std::string title;
  std::vector<std::string>
      notes;  ///< lines below the title: what it shows, what is left out or lost
  std::vector<std::pair<std::string, std::string>> legend;  ///< class, text
};

/// How one box looks.
struct FlameLook {
  std::string name;     ///< what stands in it, and what a search looks at
  std::string details;  ///< further lines of its tooltip
  std::string style;    ///< a class of flame_graph.css
};

/// A picture in one file that shows itself: any browser opens it, searches it and zooms into it (flame_graph.js), other
/// programs show it as it stands. 1200 points wide where nobody says otherwise. docs/formats/flame_graph.md has the layout.
base::Status write_flame_svg(const FlamePage& page, const FlameLayout& layout,
                             const std::function<FlameLook(const FlameBox&)>& look, Output& out);

/// "12 frames are left out: narrower than …, …"; "" where none is.
std::string text_of_left_out(const FlameLayout& layout);

/// One of six shades of a class, by name: the same name has the same shade in each picture.
uint32_t shade_of(std::string_view name);

}  // namespace oc::format
