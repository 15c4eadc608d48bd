#include <cstring>
#include <exception>
#include <string_view>

#include "abi/host.h"
#include "event/sample_tail.h"

namespace {

using oc::event::SampleTail;

struct Part {
  std::string_view name;
  std::span<const uint8_t> SampleTail::*bytes;
  uint64_t SampleTail::*number;
};

constexpr Part kParts[] = {
    {"reads", &SampleTail::read, nullptr},
    {"branches", &SampleTail::branches, &SampleTail::branch_hw_index},
    {"branch_counters", &SampleTail::branch_counters, nullptr},
    {"user_regs", &SampleTail::user_regs, &SampleTail::user_regs_abi},
    {"intr_regs", &SampleTail::intr_regs, &SampleTail::intr_regs_abi},
    {"user_stack", &SampleTail::user_stack, nullptr},
    {"aux", &SampleTail::aux, nullptr},
};

}  // namespace

extern "C" {

uint32_t oc_session_tail_bytes(oc_session* session, const oc_event* event, const char* name,
                               const uint8_t** bytes, uint64_t* number) {
  *bytes = nullptr;
  *number = 0;
  const auto* kind = session->session.kinds().sample(event->event);
  if (kind == nullptr) return 0;
  const auto tail = oc::event::read_tail(kind->layout, event->record,
                                         oc::base::load<uint16_t>(event->record + 6));
  for (const Part& part : kParts) {
    if (part.name != name) continue;
    *bytes = (tail.*part.bytes).data();
    if (part.number != nullptr) *number = tail.*part.number;
    return static_cast<uint32_t>((tail.*part.bytes).size());
  }
  return 0;
}

const char* oc_session_event_of_id(oc_session* session, uint64_t id) {
  const auto* events = session->session.input().events();
  if (events == nullptr) return nullptr;
  const uint32_t index = events->find(id);
  if (index != oc::event::EventTable::kUnknown) return (*events)[index].name.c_str();
  return nullptr;
}

int oc_session_build_id(oc_session* session, uint32_t index, oc_build_id* out) {
  *out = oc_build_id{};
  const auto* file = session->session.file();
  if (file == nullptr || index >= file->facts().build_ids.size()) return 0;
  const auto& found = file->facts().build_ids[index];
  out->path = found.path.c_str();
  out->id = found.id.data();
  out->id_size = static_cast<uint32_t>(found.id.size());
  out->pid = found.pid;
  out->is_kernel = found.is_kernel ? 1 : 0;
  return 1;
}

}  // extern "C"
