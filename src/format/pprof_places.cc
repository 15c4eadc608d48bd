#include "format/pprof_places.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "base/path.h"
#include "format/escapes.h"
#include "format/frame_texts.h"
#include "format/pprof_schema.h"

namespace oc::format {

using namespace pprof;

namespace {

void put_if(ProtoWriter& message, uint32_t field, uint64_t value) {
  if (value != 0) message.varint(field, value);
}

}  // namespace

uint64_t PprofTexts::index(std::string_view text) {
  return text.empty() ? 0 : texts_.intern(clean_text(text)).value;
}

uint64_t PprofTexts::index(base::StringId text) {
  if (text.value >= known_.size())
    known_.resize(std::max<size_t>(text.value + 1, known_.size() * 2));
  uint32_t& known = known_[text.value];
  if (known == 0) known = 1 + static_cast<uint32_t>(index(machine_.text(text)));
  return known - 1;
}

void PprofTexts::write(Output& out) const {
  ProtoWriter message;
  message.text(kStringTable, "");
  for (uint32_t i = 1; i <= texts_.size(); ++i) {
    message.text(kStringTable, texts_.text({i}));
    if (message.size() < 64 << 10) continue;
    out.write(message.bytes());
    message.clear();
  }
  out.write(message.bytes());
}

uint64_t PprofPlaces::location(uint32_t frame, machine::ProcessId process) {
  const bool is_own = (frame & machine::PlaceTable::kOwn) != 0;
  auto& ids = is_own ? own_ : traced_;
  const uint32_t at = frame & ~machine::PlaceTable::kOwn;
  if (at >= ids.size()) ids.resize(std::max<size_t>(at + 1, ids.size() * 2));
  if (ids[at] == 0) {
    locations_.push_back(place(frame, process));
    ids[at] = static_cast<uint32_t>(locations_.size());
  }
  return ids[at];
}

PprofPlaces::Location PprofPlaces::place(uint32_t frame, machine::ProcessId process) {
  const machine::Place place = machine_.places.find(frame);
  Location location;
  location.frame = frame;
  if (frame & machine::PlaceTable::kOwn) {
    location.address = place.offset;
    if (place.own_mapping != 0) {
      location.mapping = own_mapping(place.own_mapping);
    } else if (!place.lines.empty()) {
      const machine::Function& function = machine_.places.function(place.lines.back().function);
      location.mapping = mapping_of_file(function.module);
    }
  } else {
    const uint64_t offset = place.offset - (place.is_return && place.offset != 0 ? 1 : 0);
    location.mapping = mapping_of(place, offset, place.is_kernel ? machine::ProcessId() : process);
    location.address = offset;
    if (location.mapping != 0) {
      const Mapping& mapping = mappings_[location.mapping - 1];
      location.address += mapping.start - mapping.offset;
    }
  }
  if (location.mapping == 0) return location;
  Mapping& mapping = mappings_[location.mapping - 1];
  mapping.has_inlines |= inlined_ && place.lines.size() > 1;
  for (const machine::Line& line : place.lines) {
    mapping.has_functions |= machine_.places.function(line.function).is_known;
    mapping.has_files |= bool(line.file);
    mapping.has_lines |= line.line != 0;
  }
  return location;
}

uint32_t PprofPlaces::mapping_of(const machine::Place& place, uint64_t offset,
                                 machine::ProcessId process) {
  if (!place.module) return 0;
  const process::Module& module = machine_.traced().modules->find(place.module);
  if (module.kind == process::ModuleKind::kNone) return 0;
  auto& used = mappings_of_[place.module.value];
  for (const uint32_t id : used) {
    const Mapping& mapping = mappings_[id - 1];
    if (mapping.limit == 0 || offset - mapping.offset < mapping.limit - mapping.start) return id;
  }
  Mapping mapping;
  mapping.module = place.module;
  if (const auto* at = machine_.processes.find_mapping(process, place.module, offset)) {
    mapping.start = at->start;
    mapping.limit = at->end;
    mapping.offset = at->offset;
  }
  add_mapping(mapping);
  used.push_back(static_cast<uint32_t>(mappings_.size()));
  return used.back();
}

uint32_t PprofPlaces::mapping_of_file(base::StringId file) {
  const std::string_view path = machine_.text(file);
  if (path.empty() || path == "[unknown]") return 0;
  uint32_t& id = mapping_of_file_[file.value];
  if (id == 0) {
    Mapping mapping;
    mapping.file = file;
    add_mapping(mapping);
    id = static_cast<uint32_t>(mappings_.size());
  }
  return id;
}

/// As it was in the profile from which it comes.
uint32_t PprofPlaces::own_mapping(uint32_t id) {
  uint32_t& known = own_mappings_[id];
  if (known != 0) return known;
  const machine::OwnMapping& own = machine_.places.own_mapping(id);
  Mapping mapping;
  mapping.file = own.path;
  mapping.build_id = own.build_id;
  mapping.start = own.start;
  mapping.limit = own.end;
  mapping.offset = own.offset;
  add_mapping(mapping);
  return known = static_cast<uint32_t>(mappings_.size());
}

void PprofPlaces::write(Output& out, std::string_view process_name) {
  const std::vector<uint32_t> order = order_of_mappings(process_name);
  std::vector<uint32_t> ids(mappings_.size() + 1);
  for (uint32_t i = 0; i < order.size(); ++i) ids[order[i]] = i + 1;
  write_mappings(out, order);
  write_locations(out, ids);
  write_functions(out);
}

/// In order of appearance, but the program of that process comes first, or else what is no library.
std::vector<uint32_t> PprofPlaces::order_of_mappings(std::string_view process_name) const {
  std::vector<uint32_t> order(mappings_.size());
  std::iota(order.begin(), order.end(), 1);
  const auto rank = [&](uint32_t id) {
    const Mapping& mapping = mappings_[id - 1];
    const std::string_view path =
        mapping.module ? machine_.module_path(mapping.module) : machine_.text(mapping.file);
    const std::string_view name = base::file_name(path);
    if (!process_name.empty() && name.starts_with(process_name)) return 0;
    if (path.starts_with('[') || path.starts_with("//")) return 3;
    return name.find(".so") == std::string_view::npos ? 1 : 2;
  };
  const auto first = std::min_element(order.begin(), order.end(),
                                      [&](uint32_t a, uint32_t b) { return rank(a) < rank(b); });
  if (first != order.end()) std::rotate(order.begin(), first, first + 1);
  return order;
}

void PprofPlaces::write_mappings(Output& out, const std::vector<uint32_t>& order) {
  ProtoWriter profile, message;
  for (uint32_t i = 0; i < order.size(); ++i) {
    const Mapping& mapping = mappings_[order[i] - 1];
    message.clear();
    message.varint(kMappingId, i + 1);
    put_if(message, kMemoryStart, mapping.start);
    put_if(message, kMemoryLimit, mapping.limit);
    put_if(message, kFileOffset, mapping.offset);
    if (mapping.module) {
      put_if(message, kMappingFilename, texts_.index(machine_.module_path(mapping.module)));
      const auto& build_id = machine_.traced().modules->find(mapping.module).build_id;
      put_if(message, kBuildId, texts_.index(hex(build_id.view())));
    } else {
      put_if(message, kMappingFilename, texts_.index(mapping.file));
      put_if(message, kBuildId, texts_.index(mapping.build_id));
    }
    put_if(message, kHasFunctions, mapping.has_functions);
    put_if(message, kHasFilenames, mapping.has_files);
    put_if(message, kHasLineNumbers, mapping.has_lines);
    put_if(message, kHasInlineFrames, mapping.has_inlines);
    profile.message(kMapping, message);
  }
  out.write(profile.bytes());
}

void PprofPlaces::write_locations(Output& out, const std::vector<uint32_t>& mapping_ids) {
  ProtoWriter profile, message, inner;
  for (uint32_t i = 0; i < locations_.size(); ++i) {
    const Location& location = locations_[i];
    message.clear();
    message.varint(kId, i + 1);
    put_if(message, kLocationMapping, mapping_ids[location.mapping]);
    put_if(message, kAddress, location.address);
    auto lines = machine_.places.find(location.frame).lines;
    if (!inlined_ && !lines.empty()) lines = lines.last(1);
    // Readers show a place without a function as "[FILE]", as we do.
    if (lines.size() == 1 && !machine_.places.function(lines[0].function).is_known) lines = {};
    for (const machine::Line& line : lines) {
      inner.clear();
      inner.varint(kLineFunction, functions_.intern(line.function.value, line.file.value) + 1);
      put_if(inner, kLineNumber, line.line);
      message.message(kLine, inner);
    }
    profile.clear();
    profile.message(kLocation, message);
    out.write(profile.bytes());
  }
}

void PprofPlaces::write_functions(Output& out) {
  ProtoWriter profile, message;
  for (uint32_t i = 0; i < functions_.size(); ++i) {
    const auto [id, file] = functions_[i];
    const machine::Function& function = machine_.places.function({id});
    message.clear();
    message.varint(kFunctionId, i + 1);
    put_if(message, kName, texts_.index(function.name));
    put_if(message, kSystemName, texts_.index(function.full_name));
    put_if(message, kFilename, texts_.index(base::StringId{file}));
    profile.clear();
    profile.message(kFunction, message);
    out.write(profile.bytes());
  }
}

}  // namespace oc::format
