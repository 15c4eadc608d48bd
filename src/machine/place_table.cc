#include "machine/place_table.h"

#include <algorithm>
#include <string>

#include "base/path.h"

namespace oc::machine {

namespace {

/// "[libc.so.6]" for code of a file whose functions nobody knows; names in brackets stay.
std::string name_of_module(std::string_view path) {
  if (path.empty()) return "[unknown]";
  if (path.front() == '[' || path.starts_with("//")) return std::string(path);
  return "[" + std::string(base::file_name(path)) + "]";
}

}  // namespace

PlaceTable::PlaceTable(base::Interner& texts, const process::FrameTable* frames, FrameNamer* namer)
    : texts_(texts), frames_(frames), namer_(namer), functions_(1) {}

FunctionId PlaceTable::intern(Function function) {
  assert(sharers_ == 0);
  const uint64_t key = uint64_t{function.name.value} << 32 | function.module.value;
  const auto [at, is_new] = by_name_.try_emplace(key, static_cast<uint32_t>(functions_.size()));
  if (is_new) functions_.push_back(function);
  Function& known = functions_[at->second];
  if (!known.file) known.file = function.file;
  return {at->second};
}

uint32_t PlaceTable::add(std::span<const OwnFrame> frames) {
  assert(sharers_ == 0);
  Own own;
  own.entry.first = static_cast<uint32_t>(lines_.size());
  for (const OwnFrame& frame : frames) {
    const bool is_known = !frame.function.empty();
    Function function;
    function.module = texts_.intern(frame.module);
    function.name = texts_.intern(is_known ? frame.function : name_of_module(frame.module));
    function.full_name = function.name;
    function.file = frame.file.empty() ? base::StringId{} : texts_.intern(frame.file);
    function.is_kernel = frame.is_kernel;
    function.is_known = is_known;
    own.entry.is_kernel |= frame.is_kernel;
    own.address = frame.address;
    lines_.push_back({intern(function), function.file, frame.line});
  }
  if (!frames.empty()) own.mapping = frames.front().mapping;
  own.entry.count = static_cast<uint16_t>(std::min<size_t>(frames.size(), UINT16_MAX));
  own.entry.has_address = own.address != 0;
  own_.push_back(own);
  return kOwn | static_cast<uint32_t>(own_.size() - 1);
}

void PlaceTable::name(uint32_t frame, Entry& entry) {
  assert(sharers_ == 0);
  entry.first = static_cast<uint32_t>(lines_.size());
  NamedFrame named;
  if (namer_ != nullptr && frame != 0) named = namer_->find({frame});
  Function function;
  function.is_kernel = entry.is_kernel = named.is_kernel;
  entry.has_address = named.has_address;
  const std::string_view module =
      named.module.empty() ? std::string_view("[unknown]") : named.module;
  function.module = texts_.intern(module);
  function.is_known = !named.function.empty();
  function.name = texts_.intern(function.is_known ? named.function : name_of_module(module));
  function.full_name = named.full_name.empty() ? function.name : texts_.intern(named.full_name);
  // Of the function itself the symbol table's name counts, as for frames without lines: `foo.cold` stays what it is.
  for (uint32_t i = 0; i < named.calls; ++i) {
    const NamedCall call = namer_->call({frame}, i);
    Function at = function;
    if (i + 1 < named.calls && !call.function.empty()) {
      at.name = texts_.intern(call.function);
      at.full_name = call.full_name.empty() ? at.name : texts_.intern(call.full_name);
      at.is_known = true;
    }
    const base::StringId file = call.file.empty() ? base::StringId{} : texts_.intern(call.file);
    at.file = file;
    lines_.push_back({intern(at), file, call.line});
  }
  if (named.calls == 0) lines_.push_back({intern(function), {}, 0});
  entry.count = static_cast<uint16_t>(std::max<uint32_t>(named.calls, 1));
}

void PlaceTable::resolve(std::span<const uint32_t> frames) {
  std::vector<process::FrameId> unnamed;
  for (const uint32_t frame : frames) {
    if ((frame & kOwn) || entry_of(frame).count != 0) continue;
    if (frame == 0) {
      name(frame, entry_of(frame));
    } else {
      unnamed.push_back({frame});
    }
  }
  if (unnamed.empty()) return;
  if (namer_ != nullptr) namer_->resolve(unnamed);
  for (const process::FrameId frame : unnamed) {
    Entry& entry = entry_of(frame.value);
    if (entry.count == 0) name(frame.value, entry);
  }
}

Place PlaceTable::find(uint32_t frame) {
  Place place;
  place.lines = lines(frame);
  const Entry& entry = entry_of(frame);
  place.is_kernel = entry.is_kernel;
  place.has_address = entry.has_address;
  if (frame & kOwn) {
    place.offset = own_[frame & ~kOwn].address;
    place.own_mapping = own_[frame & ~kOwn].mapping;
  } else if (frames_ != nullptr) {
    const process::Frame at = frames_->find({frame});
    place.module = at.module;
    place.offset = at.offset;
    place.is_return = at.is_return;
  }
  return place;
}

FunctionId PlaceTable::function_of(uint32_t frame, bool inlined) {
  const Place place = find(frame);
  if (place.lines.empty()) return {};
  return inlined ? place.lines.front().function : place.lines.back().function;
}

uint64_t PlaceTable::size_bytes() const {
  return entries_.capacity() * sizeof(Entry) + own_.capacity() * sizeof(Own) +
         own_mappings_.capacity() * sizeof(OwnMapping) + lines_.capacity() * sizeof(Line) +
         functions_.capacity() * sizeof(Function) + by_name_.size() * 32;
}

void PlaceTable::forget_name(uint32_t frame) {
  assert(sharers_ == 0);
  if (frame < entries_.size()) entries_[frame] = {};
}

void PlaceTable::forget_names() {
  assert(sharers_ == 0);
  entries_.clear();
}

}  // namespace oc::machine
