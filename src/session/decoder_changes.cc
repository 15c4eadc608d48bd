// Decoder's part for what changes while a run goes on.
#include <time.h>

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/clock.h"
#include "session/decoder.h"

namespace oc::session {

namespace {
constexpr base::Nanos kLatest = 1'000'000'000;  // records that come later than this do not come
}

void Decoder::change(Selection changed) {
  selection_.wanted = std::move(changed.wanted);
  selection_.keep_own = std::move(changed.keep_own);
  selection_.unchosen = std::move(changed.unchosen);
  selection_.of_everyone = std::move(changed.of_everyone);
  clock_.refresh();
  if (stacks_ != nullptr) stacks_->learn_kinds(source_.events());
  learn_kinds();
}

void Decoder::hand_over(uint32_t kind, base::Nanos from, base::Nanos at,
                        const std::vector<uint64_t>& older, const std::vector<uint64_t>& newer) {
  hand_overs_.add({kind, from, at, older, newer}, base::now_of(CLOCK_MONOTONIC));
  clock_.refresh();
  learn_kinds();
}

/// Of samples that two sets of descriptors tell of: whether this one is to.
bool Decoder::is_of_its_time(const oc_event& event) {
  const uint16_t place = source_.events().id_offset();
  if (place == event::kAbsent) return true;
  const uint32_t kind = event.event - event::kKernelRecords;
  const HandOver::Sample sample{base::load<uint64_t>(event.record + place),
                                clock_.sample_time(event.record, kind),
                                event.cpu,
                                event.tid,
                                {event.payload, event.payload_size}};
  return hand_overs_.tells(sample);
}

/// Each once all that its older descriptors wrote was read.
void Decoder::end_hand_overs() {
  if (is_behind_ || horizon_ < kLatest) return;
  if (hand_overs_.forget_before(horizon_ - kLatest)) learn_kinds();
}

}  // namespace oc::session
