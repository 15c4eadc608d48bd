#include "event/sample_layout.h"

namespace oc::event {

SampleLayout make_layout(const perf_event_attr& attr) {
  SampleLayout layout;
  layout.sample_type = attr.sample_type;
  layout.read_format = attr.read_format;
  layout.branch_sample_type = attr.branch_sample_type;
  layout.regs_user = attr.sample_regs_user;
  layout.regs_intr = attr.sample_regs_intr;

  uint16_t at = 8;
  const auto place = [&](uint64_t bit, uint16_t& field) {
    if ((attr.sample_type & bit) == 0) return;
    field = at;
    at = static_cast<uint16_t>(at + 8);
  };
  place(PERF_SAMPLE_IDENTIFIER, layout.identifier);
  place(PERF_SAMPLE_IP, layout.ip);
  place(PERF_SAMPLE_TID, layout.tid);
  place(PERF_SAMPLE_TIME, layout.time);
  place(PERF_SAMPLE_ADDR, layout.addr);
  place(PERF_SAMPLE_ID, layout.id);
  place(PERF_SAMPLE_STREAM_ID, layout.stream_id);
  place(PERF_SAMPLE_CPU, layout.cpu);
  place(PERF_SAMPLE_PERIOD, layout.period);
  layout.tail = at;
  const bool raw_first = (attr.sample_type & (PERF_SAMPLE_READ | PERF_SAMPLE_CALLCHAIN)) == 0;
  if (raw_first && (attr.sample_type & PERF_SAMPLE_RAW) != 0) layout.raw = at;

  if (attr.sample_id_all) {
    at = 0;
    place(PERF_SAMPLE_TID, layout.trailer_tid);
    place(PERF_SAMPLE_TIME, layout.trailer_time);
    place(PERF_SAMPLE_ID, layout.trailer_id);
    place(PERF_SAMPLE_STREAM_ID, layout.trailer_stream_id);
    place(PERF_SAMPLE_CPU, layout.trailer_cpu);
    place(PERF_SAMPLE_IDENTIFIER, layout.trailer_identifier);
    layout.trailer_size = at;
  }
  return layout;
}

}  // namespace oc::event
