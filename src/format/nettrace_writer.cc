#include "format/nettrace_writer.h"

#include <algorithm>
#include <ctime>

#include "format/varint.h"

namespace oc::format {

namespace {

// Kinds of blocks.
constexpr uint8_t kEnd = 0, kTrace = 1, kEvents = 2, kSequencePoint = 4;
// What a compressed header of an event has.
constexpr uint8_t kHasKind = 1, kHasCapture = 2, kHasThread = 4, kHasStack = 8, kHasLabels = 16,
                  kIsSorted = 64, kHasSize = 128;

void put_text(base::ByteSink& sink, std::string_view text) {
  text = cut_text(text);
  put_varuint(sink, text.size());
  sink.put_text(text);
}

/// Puts what `fill` puts, with its size in 16 bits before it.
template <typename Fill>
void put_sized(base::ByteSink& sink, Fill fill) {
  const size_t at = sink.size();
  sink.put<uint16_t>(0);
  fill();
  sink.patch(at, static_cast<uint16_t>(sink.size() - at - sizeof(uint16_t)));
}

/// As Windows' SYSTEMTIME has it: eight numbers of 16 bits, Sunday is 0.
void put_system_time(base::ByteSink& sink, int64_t wall_ns) {
  const int64_t milliseconds = std::max<int64_t>(wall_ns, 0) / 1'000'000;
  const time_t seconds = milliseconds / 1000;
  tm parts{};
  gmtime_r(&seconds, &parts);
  for (const int part : {parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_wday, parts.tm_mday,
                         parts.tm_hour, parts.tm_min, parts.tm_sec}) {
    sink.put(static_cast<int16_t>(part));
  }
  sink.put(static_cast<int16_t>(milliseconds % 1000));
}

/// Facts of a row that has at most 64 KiB: those that still fit.
template <typename Put>
void put_facts(base::ByteSink& sink, const NettraceWriter::Pairs& facts, size_t most, Put put) {
  for (const auto& [name, value] : facts) {
    if (sink.size() + cut_text(name).size() + cut_text(value).size() + 16 > most) continue;
    put(name, value);
  }
}

}  // namespace

std::string_view cut_text(std::string_view text, size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<uint8_t>(text[most]) & 0xc0) == 0x80) --most;
  return text.substr(0, most);
}

void put_payload_text(base::ByteSink& sink, std::string_view text) {
  text = cut_text(text);
  sink.put(static_cast<uint16_t>(text.size()));
  sink.put_text(text);
}

NettraceWriter::NettraceWriter(Output& out, const Trace& trace) : out_(out) {
  out_.write("Nettrace");
  row_.put<uint32_t>(0);
  row_.put<uint32_t>(6);
  row_.put<uint32_t>(0);
  out_.write(row_.bytes());
  put_trace(trace);
  kinds_.rows.put<uint16_t>(0);  // a header without anything in it
}

void NettraceWriter::put_block(uint8_t kind, std::span<const uint8_t> head,
                               std::span<const uint8_t> rows) {
  base::ByteSink header;
  header.put(static_cast<uint32_t>(head.size() + rows.size()) | uint32_t{kind} << 24);
  out_.write(header.bytes());
  out_.write(head);
  out_.write(rows);
}

void NettraceWriter::put_trace(const Trace& trace) {
  base::ByteSink block;
  put_system_time(block, trace.wall_ns);
  block.put(trace.sync_ticks);
  block.put<int64_t>(1'000'000'000);
  block.put<uint32_t>(8);
  const size_t count_at = block.size();
  uint32_t count = 0;
  block.put(count);
  put_facts(block, trace.facts, kBlock, [&](std::string_view name, std::string_view value) {
    put_text(block, name);
    put_text(block, value);
    ++count;
  });
  block.patch(count_at, count);
  put_block(kTrace, {}, block.bytes());
}

uint32_t NettraceWriter::add_row(Table& table, std::span<const uint8_t> row) {
  if (table.rows.size() + row.size() > kBlock) flush(table);
  table.rows.put_bytes(row);
  return table.first + table.count++;
}

void NettraceWriter::flush(Table& table) {
  if (table.count == 0) return;
  base::ByteSink head;
  if (table.counts) {
    head.put(table.first);
    head.put(table.count);
  }
  put_block(table.kind, head.bytes(), table.rows.bytes());
  table.first += table.count;
  table.count = 0;
  table.rows.clear();
  if (table.kind == kinds_.kind) table.rows.put<uint16_t>(0);
}

uint32_t NettraceWriter::add_event_kind(const Event& event) {
  row_.clear();
  put_sized(row_, [&] {
    put_varuint(row_, kinds_.first + kinds_.count);
    put_text(row_, event.provider);
    put_varuint(row_, event.number);
    put_text(row_, event.name);
    row_.put(static_cast<uint16_t>(event.fields.size()));
    for (const Field& field : event.fields) {
      put_sized(row_, [&] {
        put_text(row_, field.name);
        row_.put(field.type);
        if (field.type == Type::kText) row_.put<uint8_t>(23);  // of UTF-8 code units
      });
    }
    put_sized(row_, [&] {
      put_facts(row_, event.facts, kMostPayload,
                [&](std::string_view name, std::string_view value) {
                  row_.put<uint8_t>(6);
                  put_text(row_, name);
                  put_text(row_, value);
                });
    });
  });
  return add_row(kinds_, row_.bytes());
}

uint32_t NettraceWriter::add_thread(const Thread& thread) {
  const uint32_t index = threads_.first + threads_.count;
  row_.clear();
  put_sized(row_, [&] {
    put_varuint(row_, index);
    if (!thread.name.empty()) {
      row_.put<uint8_t>(1);
      put_text(row_, thread.name);
    }
    if (thread.pid >= 0) {
      row_.put<uint8_t>(2);
      put_varuint(row_, static_cast<uint64_t>(thread.pid));
    }
    if (thread.tid >= 0) {
      row_.put<uint8_t>(3);
      put_varuint(row_, static_cast<uint64_t>(thread.tid));
    }
    put_facts(row_, thread.facts, kMostPayload, [&](std::string_view name, std::string_view value) {
      row_.put<uint8_t>(4);
      put_text(row_, name);
      put_text(row_, value);
    });
  });
  sequences_.resize(index + 1, 0);
  return add_row(threads_, row_.bytes());
}

uint32_t NettraceWriter::add_stack(std::span<const uint64_t> addresses) {
  row_.clear();
  row_.put(static_cast<uint32_t>(addresses.size() * sizeof(uint64_t)));
  for (const uint64_t address : addresses) row_.put(address);
  return add_row(stacks_, row_.bytes());
}

uint32_t NettraceWriter::add_labels(std::span<const uint8_t> list) {
  return add_row(labels_, list);
}

void NettraceWriter::add_event(const Head& head, std::span<const uint8_t> payload) {
  if (events_.size() + payload.size() > kBlock) flush_events();
  if (events_.size() == 0) first_time_ = head.time;
  const uint32_t sequence = ++sequences_[head.thread];
  const bool has_capture =
      head.thread != last_.thread || head.cpu != last_.cpu || sequence != last_sequence_ + 1;
  const auto size = static_cast<uint32_t>(payload.size());
  uint8_t flags = kIsSorted;
  if (head.event != last_.event) flags |= kHasKind;
  if (has_capture) flags |= kHasCapture;
  if (head.thread != last_.thread) flags |= kHasThread;
  if (head.stack != last_.stack) flags |= kHasStack;
  if (head.labels != last_.labels) flags |= kHasLabels;
  if (size != last_size_) flags |= kHasSize;
  events_.put(flags);
  if (flags & kHasKind) put_varuint(events_, head.event);
  if (has_capture) {
    put_varuint(events_, uint32_t(sequence - last_sequence_ - 1));  // the reader adds 1
    put_varuint(events_, head.thread);
    put_varuint(events_, head.cpu);
  }
  if (flags & kHasThread) put_varuint(events_, head.thread);
  if (flags & kHasStack) put_varuint(events_, head.stack);
  put_varuint(events_, head.time - last_.time);
  if (flags & kHasLabels) put_varuint(events_, head.labels);
  if (flags & kHasSize) put_varuint(events_, size);
  events_.put_bytes(payload);
  last_ = head;
  last_sequence_ = sequence;
  last_size_ = size;
  last_time_ = head.time;
}

void NettraceWriter::flush_events() {
  flush(kinds_);
  flush(threads_);
  flush(stacks_);
  flush(labels_);
  if (events_.size() == 0) return;
  base::ByteSink head;
  head.put<uint16_t>(20);
  head.put<uint16_t>(1);  // compressed headers
  head.put(first_time_);
  head.put(last_time_);
  put_block(kEvents, head.bytes(), events_.bytes());
  events_.clear();
  last_ = {};
  last_sequence_ = last_size_ = 0;
}

void NettraceWriter::end(uint64_t time, std::span<const std::pair<uint32_t, uint32_t>> tried) {
  flush_events();
  base::ByteSink block;
  block.put(std::max(time, last_time_));
  block.put<uint32_t>(0);
  block.put(static_cast<uint32_t>(tried.size()));
  for (const auto& [thread, sequence] : tried) {
    put_varuint(block, thread);
    put_varuint(block, sequence);
  }
  put_block(kSequencePoint, {}, block.bytes());
  put_block(kEnd, {}, {});
}

}  // namespace oc::format
