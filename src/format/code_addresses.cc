#include "format/code_addresses.h"

#include <algorithm>

namespace oc::format {

using machine::ProcessId;

uint32_t CodeAddresses::intern(const Mapping& mapping) {
  const MappingKey key{mapping.module.value, mapping.start, mapping.end, mapping.offset};
  const auto [at, is_new] = by_place_.try_emplace(key, static_cast<uint32_t>(mappings_.size()));
  if (is_new) mappings_.push_back(mapping);
  return at->second;
}

/// Whether it can be told of this process beside those that were told already.
bool CodeAddresses::fits(ProcessId owner, uint32_t index) {
  const auto [at, is_new] = fits_.try_emplace(key_of(owner, index), true);
  if (!is_new) return at->second;
  const Mapping& mapping = mappings_[index];
  auto& used = used_[owner.value];
  at->second = std::none_of(used.begin(), used.end(), [&](uint32_t other_index) {
    const Mapping& other = mappings_[other_index];
    const bool is_same = other.module == mapping.module &&
                         other.start - other.offset == mapping.start - mapping.offset;
    return other.start < mapping.end && mapping.start < other.end && !is_same;
  });
  if (at->second) used.push_back(index);
  return at->second;
}

bool CodeAddresses::place_live(ProcessId owner, const machine::Place& place, uint32_t frame,
                               Spot& spot) {
  if (!place.module) return false;
  const uint64_t offset = place.offset - (place.is_return && place.offset != 0 ? 1 : 0);
  const auto* found = machine_.processes.find_mapping(owner, place.module, offset);
  if (found == nullptr) return false;
  Mapping mapping;
  mapping.module = place.module;
  mapping.path = machine_.texts.intern(machine_.module_path(place.module));
  mapping.start = found->start;
  mapping.end = found->end;
  mapping.offset = found->offset;
  mapping.code = offset;
  mapping.is_kernel = place.is_kernel;
  spot.mapping = intern(mapping);
  if (!fits(owner, spot.mapping)) return false;
  spot.address = spot.function_start = offset - found->offset + found->start;
  if (machine::FrameNamer* namer = machine_.traced().namer; namer != nullptr) {
    const uint64_t into = namer->find({frame}).function_offset;
    if (into < spot.address - found->start) spot.function_start -= into;
  }
  return true;
}

void CodeAddresses::make_up(const machine::Place& place, Spot& spot) {
  const machine::Function& function = machine_.places.function(spot.function);
  const auto [at, is_new] =
      made_up_.try_emplace(function.module.value, static_cast<uint32_t>(mappings_.size()));
  if (is_new) {
    Mapping mapping;
    mapping.module = place.module;
    mapping.path = function.module;
    mapping.is_kernel = place.is_kernel;
    mapping.is_made_up = true;
    mappings_.push_back(mapping);
  }
  spot.mapping = at->second;
  sizes_.resize(mappings_.size(), 0);
  const uint32_t id = numbers_.intern(spot.mapping, spot.function.value);
  if (id == number_in_.size()) number_in_.push_back(sizes_[spot.mapping]++);
  spot.address = number_in_[id];
}

void CodeAddresses::add_line(ProcessId owner, const machine::Place& place, uint32_t frame,
                             size_t line) {
  Spot spot;
  spot.function = place.lines[line].function;
  const bool is_inlined = line + 1 < place.lines.size();
  if (is_inlined || !place_live(owner, place, frame, spot)) make_up(place, spot);
  spots_.push_back(spot);
}

CodeAddresses::Entry CodeAddresses::add_frame(ProcessId process, uint32_t frame) {
  const machine::Place place = machine_.places.find(frame);
  const ProcessId owner = owner_of(process, place);
  const auto [at, is_new] = entries_.try_emplace(key_of(owner, frame));
  if (!is_new) return at->second;
  at->second.first = static_cast<uint32_t>(spots_.size());
  const size_t count = place.lines.size();
  for (size_t i = inlined_ || count == 0 ? 0 : count - 1; i < count; ++i) {
    add_line(owner, place, frame, i);
  }
  at->second.count = static_cast<uint32_t>(spots_.size()) - at->second.first;
  return at->second;
}

void CodeAddresses::use(ProcessId process, uint32_t mapping) {
  if (told_.intern(process.value, mapping) == uses_.size()) uses_.push_back({process, mapping});
}

void CodeAddresses::add(ProcessId process, machine::StackRef stack) {
  for (const uint32_t frame : machine_.stack(stack).frames) {
    const Entry entry = add_frame(process, frame);
    for (uint32_t i = 0; i < entry.count; ++i) use(process, spots_[entry.first + i].mapping);
  }
}

/// Runs of places of one function become a symbol: what lies between two functions' places is nobody's.
void CodeAddresses::finish() {
  uint64_t next = kMadeUp;
  sizes_.resize(mappings_.size(), 0);
  for (size_t i = 0; i < mappings_.size(); ++i) {
    Mapping& mapping = mappings_[i];
    if (!mapping.is_made_up) continue;
    mapping.start = next;
    mapping.end = next += (sizes_[i] * kSpacing + 0xfff) & ~uint64_t{0xfff};
  }
  for (Spot& spot : spots_) {
    const Mapping& mapping = mappings_[spot.mapping];
    if (mapping.is_made_up)
      spot.address = spot.function_start = mapping.start + spot.address * kSpacing;
  }
  std::vector<const Spot*> order;
  for (const Spot& spot : spots_) order.push_back(&spot);
  std::sort(order.begin(), order.end(), [](const Spot* a, const Spot* b) {
    return std::tie(a->mapping, a->address, a->function.value) <
           std::tie(b->mapping, b->address, b->function.value);
  });
  uint32_t mapping = UINT32_MAX, function = 0;
  uint64_t free_from = 0;  // where the symbol before ends
  for (const Spot* spot : order) {
    if (spot->mapping == mapping && spot->function.value == function) {
      symbols_.back().end = spot->address + 1;
    } else {
      if (spot->mapping != mapping) free_from = 0;
      symbols_.push_back({spot->mapping, std::max(spot->function_start, free_from),
                          spot->address + 1, spot->function});
    }
    mapping = spot->mapping;
    function = spot->function.value;
    free_from = spot->address + 1;
  }
  std::erase_if(symbols_, [&](const Symbol& symbol) {
    return symbol.start >= symbol.end || (!mappings_[symbol.mapping].is_made_up &&
                                          !machine_.places.function(symbol.function).is_known);
  });
}

std::span<const uint64_t> CodeAddresses::find(ProcessId process, machine::StackRef stack) {
  addresses_.clear();
  for (const uint32_t frame : machine_.stack(stack).frames) {
    const ProcessId owner = owner_of(process, machine_.places.find(frame));
    const auto at = entries_.find(key_of(owner, frame));
    if (at == entries_.end()) continue;
    for (uint32_t i = 0; i < at->second.count; ++i) {
      addresses_.push_back(spots_[at->second.first + i].address);
    }
  }
  return addresses_;
}

}  // namespace oc::format
