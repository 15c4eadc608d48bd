#include "event/event_format.h"

#include <algorithm>

namespace oc::event {

const Field* EventFormat::find(std::string_view field_name) const {
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [&](const Field& field) { return field.name == field_name; });
  return found == fields.end() ? nullptr : &*found;
}

uint32_t EventFormat::fixed_size() const {
  uint32_t size = 0;
  for (const Field& field : fields) size = std::max(size, field.offset + field.size);
  return size;
}

}  // namespace oc::event
