#include "session/frame_names.h"

#include <elf.h>

#include <algorithm>
#include <utility>

#include "symbol/kernel_symbols.h"
#include "sys/files.h"

namespace oc::session {

constexpr size_t kMostKallsyms = size_t{256} << 20;

using process::FrameId;
using process::Module;
using process::ModuleId;
using process::ModuleKind;

symbol::Places places_of(const TraceOrigin& origin) {
  auto places = symbol::Places::make_default();
  if (!origin.archive.empty())
    places = symbol::Places::make_of_archive(origin.archive, origin.folder);
  places.is_this_machine = origin.is_this_machine;
  places.debuginfod = origin.debuginfod;
  return places;
}

namespace {

symbol::Settings settings_of(const TraceOrigin& origin) {
  symbol::Settings settings;
  settings.tells_code = origin.tells_code;
  return settings;
}

}  // namespace

FrameNames::FrameNames(const StackTables& tables, TraceOrigin origin, const GivenSymbols& given,
                       const KeptFiles& kept)
    : tables_(tables),
      origin_(std::move(origin)),
      files_(tables.modules, places_of(origin_)),
      symbolizer_(tables.frames, files_, settings_of(origin_)),
      given_(given) {
  files_.set_lender([&kept](const Module& module) { return kept.lend(module); });
}

void FrameNames::use_kernel(const TracedKernel& told) {
  if (!told.is_told) return;
  knows_kernel_ = true;
  symbol::KernelIdentity kernel;
  const auto id = tables_.modules.find(told.module).build_id.view();
  kernel.build_id.assign(id.begin(), id.end());
  kernel.release = origin_.release;
  kernel.text_start = told.text_start;
  kernel.text_symbol = told.text_symbol;
  if (!origin_.archive.empty())
    kernel.kallsyms = sys::read_text(origin_.folder + "/kallsyms", kMostKallsyms);
  symbolizer_.kernel().use(std::move(kernel));
}

/// What has to be told before the first look-up, and what new modules need.
void FrameNames::prepare() {
  symbolizer_.settle();
  if (!knows_kernel_ && !origin_.is_running_kernel) use_kernel(tables_.kernel());
  if (given_.by_module.empty()) return;
  if (changes_seen_ != given_.changes) modules_given_ = 0;
  changes_seen_ = given_.changes;
  const uint32_t count = tables_.modules.size();
  for (uint32_t id = modules_given_ + 1; id <= count; ++id) {
    const auto given = given_.by_module.find(tables_.modules.path({id}));
    if (given == given_.by_module.end()) continue;
    std::vector<symbol::GivenSymbol> symbols;
    for (const auto& one : given->second) symbols.push_back({one.offset, one.size_bytes, one.name});
    symbolizer_.add_symbols({id}, symbols);
  }
  modules_given_ = count;
}

void FrameNames::expect() {
  prepare();
  std::vector<bool> is_met(tables_.modules.size() + size_t{1});
  std::vector<ModuleId> met;
  const uint32_t frames = tables_.frames.size();
  for (uint32_t id = 1; id <= frames; ++id) {
    const ModuleId module = tables_.frames.find({id}).module;
    if (!module || module.value >= is_met.size() || is_met[module.value]) continue;
    is_met[module.value] = true;
    met.push_back(module);
  }
  symbolizer_.expect(met, knows_kernel_ || origin_.is_running_kernel);
}

void FrameNames::resolve(std::span<const FrameId> frames) {
  prepare();
  symbolizer_.resolve(frames);
}

NamedFrame FrameNames::find(FrameId id) {
  prepare();
  const process::Frame frame = tables_.frames.find(id);
  const Module& module = tables_.modules.find(frame.module);
  const symbol::Resolved& found = symbolizer_.find(id);
  NamedFrame named;
  named.function = symbolizer_.text(found.function);
  named.full_name = symbolizer_.text(found.full_name);
  named.module = symbolizer_.module_name(frame.module);
  named.source = text_of(found.source);
  named.offset = frame.offset;
  named.function_offset = found.offset;
  named.has_address = module.kind != ModuleKind::kFile && module.kind != ModuleKind::kVdso;
  named.is_kernel = module.kind == ModuleKind::kKernel ||
                    module.kind == ModuleKind::kKernelModule || module.kind == ModuleKind::kBpf;
  named.calls = found.calls;
  if (const ToldPlace* told = find_told(id, found)) {
    named.function = told->name;
    named.full_name = told->full_name;
    named.source = "script";
    named.function_offset = 0;
    named.calls = told->file.empty() ? 0 : 1;
  }
  return named;
}

const ToldPlace* FrameNames::find_told(FrameId id, const symbol::Resolved& found) const {
  if (told_.empty() || !symbolizer_.text(found.function).empty()) return nullptr;
  const auto told = told_.find(id.value);
  return told == told_.end() ? nullptr : &told->second;
}

uint32_t FrameNames::list_unnamed(uint32_t& cursor, std::span<uint32_t> out) {
  const uint32_t frames = tables_.frames.size();
  std::vector<FrameId> some;
  uint32_t count = 0;
  while (count == 0 && cursor < frames) {
    some.clear();
    while (some.size() < out.size() && cursor < frames) some.push_back({++cursor});
    resolve(some);
    for (const FrameId id : some) {
      if (symbolizer_.text(symbolizer_.find(id).function).empty()) out[count++] = id.value;
    }
  }
  return count;
}

NamedCall FrameNames::call(FrameId id, uint32_t index) {
  const symbol::Resolved& found = symbolizer_.find(id);
  if (const ToldPlace* told = find_told(id, found)) {
    if (index != 0) return {};
    return {told->name, told->full_name, told->file, told->line};
  }
  if (index >= found.calls) return {};
  const symbol::Call& call = symbolizer_.calls(found)[index];
  return {symbolizer_.text(call.function), symbolizer_.text(call.full_name),
          symbolizer_.text(call.file), call.line};
}

machine::NamedSegment FrameNames::find_segment(ModuleId module, uint64_t offset) {
  prepare();
  const ModuleKind kind = tables_.modules.find(module).kind;
  if (kind != ModuleKind::kFile && kind != ModuleKind::kVdso) return {};  // offsets in files alone
  const elf::File* file = files_.find(module);
  if (file == nullptr) return {};
  machine::NamedSegment found;
  uint64_t image = UINT64_MAX;
  for (const elf::Segment& segment : file->segments()) {
    if (segment.type != PT_LOAD) continue;
    image = std::min(image, segment.address - std::min(segment.offset, segment.address));
    const bool has_code = (segment.flags & PF_X) != 0;
    if (has_code && found.size_bytes == 0 && offset - segment.offset < segment.file_size) {
      found = {segment.address, segment.offset, 0, segment.file_size};
    }
  }
  if (found.size_bytes != 0) found.image = image;
  return found;
}

symbol::ModuleFacts FrameNames::describe(ModuleId module) {
  prepare();
  return symbol::describe_module(files_, symbolizer_.kernel(), module);
}

std::string FrameNames::reason(FrameId id) {
  prepare();
  return symbolizer_.reason(id);
}

}  // namespace oc::session
