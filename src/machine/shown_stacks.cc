#include "machine/shown_stacks.h"

#include <algorithm>

namespace oc::machine {

namespace {
constexpr uint32_t kNotAsked = UINT32_MAX;
}

uint32_t ShownStacks::number(StackRef stack) {
  const uint32_t index = Machine::stack_index(stack);
  if (index >= numbers_.size())
    numbers_.resize(std::max<size_t>(index + 1, numbers_.size() * 2), kNotAsked);
  if (numbers_[index] != kNotAsked) return numbers_[index];
  uint32_t number = 0;
  const auto frames = machine_.stack(stack).frames;
  for (size_t i = frames.size(); i-- > 0;) {
    const auto lines = machine_.places.lines(frames[i]);
    const size_t last = with_inlined_ || lines.empty() ? 0 : lines.size() - 1;
    for (size_t k = lines.size(); k-- > last;) {
      const Function& function = machine_.places.function(lines[k].function);
      number = ways_.intern(number, function.name.value) + 1;
    }
  }
  return numbers_[index] = number;
}

}  // namespace oc::machine
