#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/byte_sink.h"
#include "format/output.h"

namespace oc::format {

/// Rows of a nettrace file, version 6, gathered into blocks. docs/formats/nettrace.md has the bytes.
///
///     add_stack, add_thread … ──> a pending block of each table ─┐ before every block of events, and when full
///     add_event ────────────────> a pending block of events ─────┴──> output
///
/// Readers find what an event refers to only in earlier blocks, and say nothing where it comes later: so tables go
/// first, always. Events are told in ascending order of time, and each is marked as sorted. Blocks end at kBlock bytes
/// (the format allows 16 MiB); a row is smaller than that.
class NettraceWriter {
 public:
  static constexpr size_t kBlock = 1 << 20;
  static constexpr size_t kMostText =
      32'000;  ///< bytes of a name: rows and payloads have 16 bits for their size
  static constexpr size_t kMostPayload = 65'535;

  using Pairs = std::vector<std::pair<std::string, std::string>>;

  /// The trace as a whole.
  struct Trace {
    int64_t wall_ns = 0;  ///< since 1970, at `sync_ticks`
    uint64_t sync_ticks = 0;
    Pairs facts;
  };
  /// Types of a payload's fields, as the specification numbers them.
  enum class Type : uint8_t { kDouble = 14, kVarInt = 20, kVarUInt = 21, kText = 19 };
  struct Field {
    std::string_view name;
    Type type;
  };
  /// A kind of events.
  struct Event {
    std::string_view provider, name;
    uint32_t number = 0;  ///< in its provider
    std::vector<Field> fields;
    Pairs facts;
  };
  struct Thread {
    std::string_view name;
    int64_t pid = -1, tid = -1;  ///< below 0: none
    Pairs facts;
  };
  /// All of an event but its payload. Ids are those that the writer gave; 0: no stack, no labels.
  struct Head {
    uint32_t event = 0, thread = 0, stack = 0, labels = 0;
    uint32_t cpu = 0;
    uint64_t time = 0;
  };

  NettraceWriter(Output& out, const Trace& trace);

  // Each returns the row's id, from 1 upwards.
  uint32_t add_event_kind(const Event& event);
  uint32_t add_thread(const Thread& thread);
  /// Addresses, the innermost first.
  uint32_t add_stack(std::span<const uint64_t> addresses);
  /// What a LabelList was made of. Requires: it is not empty.
  uint32_t add_labels(std::span<const uint8_t> list);

  /// Requires: not earlier than the one before, at most kMostPayload bytes.
  void add_event(const Head& head, std::span<const uint8_t> payload);
  /// Says how many events these threads tried to write at least: where there are fewer, the rest was lost.
  void end(uint64_t time, std::span<const std::pair<uint32_t, uint32_t>> tried);

 private:
  /// A block that is being filled.
  struct Table {
    uint8_t kind = 0;
    bool counts = false;  ///< begins with the first row's id and the number of rows
    uint32_t first = 1, count = 0;
    base::ByteSink rows;
  };

  void put_block(uint8_t kind, std::span<const uint8_t> head, std::span<const uint8_t> rows);
  void put_trace(const Trace& trace);
  uint32_t add_row(Table& table, std::span<const uint8_t> row);
  void flush(Table& table);
  void flush_events();

  Output& out_;
  Table stacks_{5, true, 1, 0, {}}, threads_{6, false, 1, 0, {}}, labels_{8, true, 1, 0, {}},
      kinds_{3, false, 1, 0, {}};
  base::ByteSink events_, row_;
  Head last_;  ///< of the pending block
  uint32_t last_sequence_ = 0;
  uint32_t last_size_ = 0;
  uint64_t first_time_ = 0, last_time_ = 0;
  std::vector<uint32_t> sequences_;  ///< by thread: of its last event
};

/// Labels of events as they follow on one another in a list, with the marks that end it.
class LabelList {
 public:
  /// By name: "activity_id", "related_activity_id" and "trace_id" with 32 hexadecimal digits and "span_id" with 16
  /// become what the format has for them. What no longer fits into a block is left out and counted.
  void add(std::string_view name, std::string_view text);
  void add(std::string_view name, double number);
  void clear();
  uint32_t left_out() const { return left_out_; }
  bool is_empty() const { return bytes_.size() == 0; }
  /// Owned by the list, until something is added.
  std::span<const uint8_t> finish();

 private:
  bool begin(uint8_t kind, size_t size_bytes);

  base::ByteSink bytes_;
  size_t last_ = 0;  ///< where the last label begins
  uint32_t left_out_ = 0;
};

/// At most `most` bytes of it, cut between characters.
std::string_view cut_text(std::string_view text, size_t most = NettraceWriter::kMostText);

/// As payloads of Universal.* events have texts: 16 bits for the length, then UTF-8.
void put_payload_text(base::ByteSink& sink, std::string_view text);

}  // namespace oc::format
