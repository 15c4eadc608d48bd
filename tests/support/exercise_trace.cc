#include "support/exercise_trace.h"

#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/interner.h"
#include "event/field_bytes.h"
#include "event/record_text.h"
#include "event/sample_tail.h"
#include "session/decoder.h"

namespace oc::test {

namespace {

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

/// Ids lead to what is there.
void require_stack(const session::StackTables& tables, const oc_event& event) {
  require(event.stack <= tables.stacks.size() && event.frame <= tables.frames.size(),
          "an id is known");
  const auto stack = tables.stacks.find({event.stack});
  require(stack.kernel_frames <= stack.frames.size(), "the kernel's part is a part");
  for (const uint32_t id : stack.frames) {
    require(id != 0 && id <= tables.frames.size(), "a frame is known");
    require(tables.frames.find({id}).module.value <= tables.modules.size(), "a module is known");
  }
}

class Toucher {
 public:
  explicit Toucher(const source::RecordedTrace& trace) : trace_(trace) {}

  void touch(const oc_event& event) {
    const uint32_t size = base::load<uint16_t>(event.record + 6);
    require(size >= 8, "a record has a header");
    if (const auto* file = trace_.plain_file()) {
      const auto records = file->records();
      require(event.record >= records.data(), "a record lies in the file");
      require(event.record + size <= records.data() + records.size(), "a record ends in the file");
    }
    require(event.payload >= event.record + 8, "a payload begins behind its record's header");
    require(event.payload + event.payload_size <= event.record + size,
            "a payload ends in its record");
    add({event.record, size});
    add({event.payload, event.payload_size});
    const event::EventFormat* format = nullptr;
    if (event.event < event::kKernelRecords) {
      format = &event::kernel_record_formats()[event.event];
    } else {
      const auto& kind = trace_.events()[event.event - event::kKernelRecords];
      require(size >= kind.layout.tail, "a sample has all its fixed fields");
      touch_tail(kind.layout, event.record, size);
      if (kind.format) format = &*kind.format;
    }
    if (format != nullptr) touch_fields(*format, {event.payload, event.payload_size});
  }

  uint64_t sum() const { return sum_; }

 private:
  void touch_tail(const event::SampleLayout& layout, const uint8_t* record, uint32_t size) {
    const auto tail = event::read_tail(layout, record, size);
    for (const auto span : {tail.read, tail.callchain, tail.raw, tail.branches, tail.user_regs,
                            tail.user_stack, tail.intr_regs, tail.aux})
      add(span);
  }

  void touch_fields(const event::EventFormat& format, std::span<const uint8_t> payload) {
    require(payload.size() >= format.fixed_size(), "a payload has all fixed fields of its event");
    for (const event::Field& field : format.fields) add(event::field_bytes(field, payload).bytes());
    text_.clear();
    event::append_text(format, payload, text_);
    require(text_.find('\n') == std::string::npos, "an event's text is one line");
  }

  void add(std::span<const uint8_t> bytes) {
    for (const uint8_t byte : bytes) sum_ = sum_ * 31 + byte;
  }

  const source::RecordedTrace& trace_;
  uint64_t sum_ = 0;
  std::string text_;
};

}  // namespace

Exercise exercise(const source::RecordedTrace& trace) {
  source::Source& source = trace.source();
  session::TraceModel model;
  model.stacks.declare(session::StackMode::kUnwind, true);
  model.stacks.start(trace.events(), &trace.facts());
  session::Selection selection;
  selection.wanted.assign(event::kKernelRecords + source.events().size(), 1);
  session::Decoder decoder(source, model, selection);
  session::Batch batch;
  batch.events.resize(256);
  Toucher toucher(trace);
  Exercise done;
  double until = 0;
  do {
    require(bool(decoder.fill(std::chrono::milliseconds(0), batch)), "a file never fails");
    model.stacks.builder()->finish_batch();
    require(batch.count <= batch.events.size(), "a batch holds what it can");
    require(batch.until >= until, "time goes forward");
    until = batch.until;
    for (uint32_t i = 0; i < batch.count; ++i) {
      toucher.touch(batch.events[i]);
      require(model.strings.text({batch.events[i].comm}).size() < 65536,
              "a name is as long as a record");
      require_stack(*model.stacks.tables(), batch.events[i]);
    }
    done.events += batch.count;
    require(batch.counts.delivered == done.events, "what is delivered is counted");
  } while (!batch.is_last);
  done.records = batch.counts.records;
  done.checksum = toucher.sum();
  require(done.events + batch.counts.malformed + batch.counts.unknown <= done.records,
          "no record is delivered twice");
  for (const std::string& note : source.notes()) require(!note.empty(), "a note says something");
  return done;
}

}  // namespace oc::test
