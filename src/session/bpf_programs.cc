#include "session/bpf_programs.h"

#include <linux/perf_event.h>

#include <set>

#include "source/record.h"

namespace oc::session {

namespace {
constexpr uint32_t kEventBytes = 24;       // { header, u16 type, u16 flags, u32 id, u8 tag[8] }
constexpr size_t kMostPrograms = 1 << 16;  // programs: a storm of them must not take all memory
}  // namespace

const sys::BpfProgram* BpfPrograms::find_or_load(uint32_t id) {
  const auto known = programs_.find(id);
  if (known != programs_.end()) return &known->second;
  if (programs_.size() >= kMostPrograms) return nullptr;
  auto program = sys::load_bpf_program(id);
  return program ? &programs_.emplace(id, std::move(*program)).first->second : nullptr;
}

void BpfPrograms::load() {
  for (const uint32_t id : sys::list_bpf_programs()) find_or_load(id);
}

void BpfPrograms::list(perf::Rundown& rundown, base::ByteSink& records) {
  for (const uint32_t id : sys::list_bpf_programs()) {
    const sys::BpfProgram* program = find_or_load(id);
    if (program != nullptr) rundown.add_bpf_program(*program, records);
  }
}

void BpfPrograms::look_at(const source::Span& span) {
  for (const uint8_t* record = span.begin; record < span.end;) {
    const source::RecordHeader header = source::record_header(record);
    const bool is_load = header.type == PERF_RECORD_BPF_EVENT && header.size_bytes >= kEventBytes &&
                         base::load<uint16_t>(record + 8) == PERF_BPF_EVENT_PROG_LOAD;
    if (is_load) find_or_load(base::load<uint32_t>(record + 12));
    record += header.size_bytes;
  }
}

void BpfPrograms::add_to(source::FeatureSections& features) const {
  std::vector<source::BpfInfo> programs;
  std::vector<source::BpfTypes> types;
  std::set<uint32_t> known;  // several programs may share their types
  for (const auto& [id, program] : programs_) {
    programs.push_back({program.arrays, program.info, program.data});
    if (program.types_id != 0 && known.insert(program.types_id).second)
      types.push_back({program.types_id, program.types});
  }
  features.add_bpf(programs, types);
}

}  // namespace oc::session
