#include "format/perfetto_stacks.h"

#include "format/frame_texts.h"
#include "format/perfetto_fields.h"

namespace oc::format {

namespace {

constexpr uint64_t kEndOfModule = uint64_t{1} << 63;  // mappings have to end, and files are shorter

}  // namespace

using namespace perfetto;

uint64_t PerfettoStacks::text(uint32_t field, std::unordered_map<uint32_t, uint64_t>& known,
                              base::StringId id, ProtoWriter& interned) {
  const auto [at, is_new] = known.try_emplace(id.value, known.size() + 1);
  if (is_new) {
    ProtoWriter row;
    row.varint(interned::kId, at->second);
    row.text(interned::kText, clean_text(machine_.text(id)));
    interned.message(field, row);
  }
  return at->second;
}

PerfettoStacks::Mapped PerfettoStacks::mapping_of(const machine::Place& place, base::StringId path,
                                                  ProtoWriter& interned) {
  const uint64_t key = place.module ? uint64_t{place.module.value} << 32 : path.value;
  const auto [at, is_new] = mappings_.try_emplace(key, Mapped{mappings_.size() + 1, 0});
  if (!is_new) return at->second;
  uint64_t build_id = 0;
  if (place.module && machine_.traced().modules != nullptr) {
    const process::BuildId& known = machine_.traced().modules->find(place.module).build_id;
    if (known) {
      build_id = build_ids_.try_emplace(place.module.value, build_ids_.size() + 1).first->second;
      const auto bytes = known.view();
      ProtoWriter row;
      row.varint(interned::kId, build_id);
      row.text(interned::kText, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
      interned.message(interned::kBuildIds, row);
    }
  }
  if (machine::FrameNamer* namer = machine_.traced().namer; namer != nullptr && place.module) {
    const machine::NamedSegment segment = namer->find_segment(place.module, place.offset);
    if (segment.size_bytes != 0) at->second.bias = segment.address - segment.offset;
  }
  const uint64_t path_id = text(interned::kMappingPaths, paths_, path, interned);
  ProtoWriter row;
  row.varint(interned::kId, at->second.id);
  if (build_id != 0) row.varint(interned::kMappingBuildId, build_id);
  row.varint(interned::kMappingExactOffset, 0);
  row.varint(interned::kMappingStartOffset, 0);
  row.varint(interned::kMappingStart, 0);
  row.varint(interned::kMappingEnd, kEndOfModule);
  row.varint(interned::kMappingBias, at->second.bias);
  row.varint(interned::kMappingPath, path_id);
  interned.message(interned::kMappings, row);
  return at->second;
}

uint64_t PerfettoStacks::frame_of(uint32_t frame, const machine::Place& place, size_t line,
                                  ProtoWriter& interned) {
  const auto [at, is_new] = frames_.try_emplace(uint64_t{frame} << 32 | line, frames_.size() + 1);
  if (!is_new) return at->second;
  const machine::Line& at_line = place.lines[line];
  const machine::Function& function = machine_.places.function(at_line.function);
  const uint64_t name = text(interned::kFunctionNames, functions_, function.name, interned);
  const Mapped mapping = mapping_of(place, function.module, interned);
  ProtoWriter row;
  row.varint(interned::kId, at->second);
  row.varint(interned::kFrameFunction, name);
  row.varint(interned::kFrameMapping, mapping.id);
  row.varint(interned::kFramePlace,
             place.offset - (place.is_return && place.offset != 0 ? 1 : 0) + mapping.bias);
  if (at_line.file)
    row.varint(interned::kFrameSource,
               text(interned::kSourcePaths, sources_, at_line.file, interned));
  if (at_line.line != 0) row.varint(interned::kFrameLine, at_line.line);
  interned.message(interned::kFrames, row);
  return at->second;
}

uint64_t PerfettoStacks::add(machine::StackRef stack, ProtoWriter& interned) {
  const auto frames = machine_.stack(stack).frames;
  if (frames.empty()) return 0;
  const auto [at, is_new] = stacks_.try_emplace(stack, stacks_.size() + 1);
  if (!is_new) return at->second;
  ProtoWriter row;
  row.varint(interned::kId, at->second);
  for (size_t i = frames.size(); i-- > 0;) {
    const machine::Place place = machine_.places.find(frames[i]);
    const size_t count = place.lines.size(), until = inlined_ || count == 0 ? 0 : count - 1;
    for (size_t k = count; k-- > until;) {
      row.varint(interned::kCallstackFrames, frame_of(frames[i], place, k, interned));
    }
  }
  interned.message(interned::kCallstacks, row);
  return at->second;
}

}  // namespace oc::format
