#pragma once

#include <string>
#include <utility>
#include <vector>

#include "session/decoder.h"
#include "session/pump.h"
#include "support/fake_source.h"
#include "support/record_writer.h"

namespace oc::test {

/// An event as a script would see it, copied out of its batch.
struct SeenEvent {
  uint32_t kind;
  double time;
  std::string comm;
  int32_t pid, tid, cpu;
  uint32_t thread;
  ByteVector record;
  ByteVector payload;
  uint32_t marks;
};

/// A decoder over a fake source, with batches of `capacity` events.
struct FakeRun {
  explicit FakeRun(event::EventTable table) : source(std::move(table)) {
    selection.wanted.assign(event::kKernelRecords + source.events().size(), 0);
    selection.keep_own = selection.wanted;
  }

  static uint32_t sample(uint32_t index = 0) { return event::kKernelRecords + index; }
  static uint32_t of(event::KernelRecord record) { return static_cast<uint32_t>(record); }
  FakeRun& want(uint32_t kind) {
    selection.wanted[kind] = 1;
    return *this;
  }
  FakeRun& want(event::KernelRecord record) { return want(of(record)); }
  FakeRun& want_all() {
    selection.wanted.assign(selection.wanted.size(), 1);
    return *this;
  }

  session::Decoder& decoder() {
    if (!decoder_) decoder_.emplace(source, model, selection);
    return *decoder_;
  }

  /// As a pump calls it.
  session::Pump::Fill filling() {
    return [this](auto wait, session::Batch& into) { return decoder().fill(wait, into); };
  }

  /// Fills one batch and copies its events while they are lent.
  base::Status step(std::vector<SeenEvent>& seen) {
    batch.events.resize(capacity);
    auto status = decoder().fill(std::chrono::milliseconds(0), batch);
    for (uint32_t i = 0; i < batch.count; ++i) seen.push_back(copy(batch.events[i]));
    return status;
  }
  std::vector<SeenEvent> all() {
    std::vector<SeenEvent> seen;
    do {
      if (auto status = step(seen); !status) break;
    } while (!batch.is_last);
    return seen;
  }

  SeenEvent copy(const oc_event& event) const {
    const uint8_t* record = event.record;
    const size_t size = base::load<uint16_t>(record + 6);
    return {event.event,
            event.time,
            std::string(model.strings.text(base::StringId{event.comm})),
            event.pid,
            event.tid,
            event.cpu,
            event.thread,
            ByteVector(record, record + size),
            ByteVector(event.payload, event.payload + event.payload_size),
            event.reserved};
  }

  FakeSource source;
  session::TraceModel model;
  session::Selection selection;
  session::Batch batch;
  size_t capacity = 16;

 private:
  std::optional<session::Decoder> decoder_;
};

}  // namespace oc::test
