#include "session/loss_records.h"

#include <linux/perf_event.h>

#include <map>
#include <utility>

#include "base/byte_sink.h"

namespace oc::session {

std::vector<source::Loss> losses_since(const std::vector<source::Loss>& before,
                                       const std::vector<source::Loss>& now) {
  std::map<std::pair<uint32_t, int32_t>, uint64_t> known;
  for (const source::Loss& loss : before) known[{loss.event, loss.cpu}] += loss.records;
  std::vector<source::Loss> since;
  for (source::Loss loss : now) {
    const uint64_t old = known[{loss.event, loss.cpu}];
    if (loss.records <= old) continue;
    loss.records -= old;
    since.push_back(loss);
  }
  return since;
}

std::vector<uint8_t> make_loss_records(const event::EventTable& events,
                                       const std::vector<source::Loss>& losses) {
  base::ByteSink sink;
  const auto ids = losses.empty() ? std::vector<std::vector<uint64_t>>() : events.ids_by_kind();
  for (const source::Loss& loss : losses) {
    if (loss.event >= events.size() || ids[loss.event].empty()) continue;
    const event::SampleLayout& layout = events[loss.event].layout;
    sink.put(uint32_t{PERF_RECORD_LOST_SAMPLES});
    sink.put(uint16_t{0});
    sink.put(static_cast<uint16_t>(16 + layout.trailer_size));
    sink.put(loss.records);
    const size_t trailer = sink.size();
    sink.put_zeros(layout.trailer_size);
    const auto patch = [&](uint16_t at, auto value) {
      if (at != event::kAbsent) sink.patch(trailer + at, value);
    };
    patch(layout.trailer_tid, ~uint64_t{0});
    patch(layout.trailer_cpu, loss.cpu);
    for (const uint16_t at :
         {layout.trailer_id, layout.trailer_stream_id, layout.trailer_identifier})
      patch(at, ids[loss.event].front());
  }
  return sink.take();
}

}  // namespace oc::session
