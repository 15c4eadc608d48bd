#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/id.h"
#include "base/interner.h"
#include "event/event_table.h"
#include "source/source.h"

namespace oc::source {

/// What every record says, whoever made it. Views are lent for the call.
struct FedOrigin {
  base::Nanos time = 0;  ///< of the source's clock, above 0
  int32_t cpu = -1;      ///< -1: not known
  int32_t pid = -1;
  int32_t tid = -1;
  std::string_view comm;  ///< the thread's name; empty: as told before
};

/// What only samples say; the kind decides which of it is kept.
struct FedSample {
  uint64_t ip = 0;
  uint64_t addr = 0;
  uint64_t period = 1;
  std::span<const uint8_t> payload;
};

/// Records that the program itself makes (a Lua function, a test), as the kernel would write them.
///
///     add … add, finish_round     horizon: the newest record of the rounds before (perf's rule),
///     add … add, finish_round              or the newest of all less the window
///     next_round                  takes what may go by time, writes it as perf records, lends these
///     end                         nothing follows: the rest goes
///
/// A name that differs from what was told of the thread before is written as a COMM record in front, in
/// the order of time, so each record has the name that it was given. A record older than what has gone
/// goes with the next round and is counted as late. Owns all bytes. One thread, but for request_stop.
class FedSource final : public Source {
 public:
  /// `window`: how far records may be out of order, beyond the rounds; 0: as far as a round goes.
  FedSource(std::string name, base::Nanos window) : name_(std::move(name)), window_(window) {}

  /// Before the first record; `kind.attr.sample_type` gets what all kinds have. Returns the index.
  uint32_t add_kind(event::EventKind kind);
  /// After the last kind.
  void finish_kinds() { table_.finish(); }

  /// No longer than this is a payload, so that its record's size fits 16 bits.
  static constexpr size_t kMaxPayload = 65000;
  /// What may wait for the next round at most.
  static constexpr size_t kMaxPending = 256u << 20;

  // Errors: the payload or name is too long, too much was added in one round.
  base::Status add_sample(uint32_t kind, const FedOrigin& origin, const FedSample& sample);
  /// COMM, FORK, EXIT, MMAP or LOST; `body` is the record's without header and trailer.
  base::Status add_record(uint32_t type, uint16_t misc, const FedOrigin& origin,
                          std::span<const uint8_t> body);
  /// Records that are missing, in a LOST record too; `kind` EventTable::kUnknown: nobody knows of which.
  base::Status add_lost(const FedOrigin& origin, uint32_t kind, uint64_t count);
  void finish_round();
  void end() { is_ended_ = true; }
  /// Any thread.
  void request_stop() { is_stopped_.store(true, std::memory_order_relaxed); }

  /// Bytes that were added and have not gone.
  size_t pending_bytes() const { return payload_bytes_ + by_time_.size() * kPendingBytes; }
  const std::string& name() const { return name_; }

  const event::EventTable& events() const override { return table_; }
  base::Status next_round(std::chrono::milliseconds wait, Round& round) override;
  void release(uint32_t stream, uint64_t position) override;
  void wake() override { request_stop(); }
  std::vector<Loss> final_losses() override;

 private:
  struct Pending {
    base::Nanos time;
    uint64_t ip, addr, period;
    const uint8_t* body;  ///< the payload of a sample, the body of another; in `chunk`
    uint32_t size_bytes;
    uint32_t chunk;  ///< in chunks_; only where there is a body
    uint32_t kind;   ///< of a sample
    uint32_t type;   ///< PERF_RECORD_*
    uint16_t misc;
    int32_t cpu, pid, tid;
    base::StringId comm;
  };
  /// A record that waits, in a heap: the oldest is in front, of equally old ones the one added first.
  struct Node {
    base::Nanos time;
    uint64_t number;  ///< how many were added before
    uint32_t slot;    ///< in slots_
    bool operator<(const Node& other) const {
      return time != other.time ? time > other.time : number > other.number;
    }
  };
  static constexpr size_t kPendingBytes = sizeof(Pending) + sizeof(Node);
  /// A block of bodies, which stay where they are. Used anew when the last of them has gone.
  struct Chunk {
    std::unique_ptr<uint8_t[]> bytes;
    size_t used = 0;
    uint32_t bodies = 0;
  };
  static constexpr size_t kChunkBytes = 256 << 10;

  /// Bytes that are lent: of one round.
  struct Block {
    uint64_t position;
    std::vector<uint8_t> bytes;
  };

  base::Status add(Pending record, const FedOrigin& origin, std::span<const uint8_t> bytes);
  void keep_body(Pending& record, std::span<const uint8_t> bytes);
  void free_body(const Pending& record);
  base::Nanos horizon() const;
  void write(const Pending& record, std::vector<uint8_t>& out);
  void write_sample(const Pending& record, std::vector<uint8_t>& out) const;
  void write_other(const Pending& record, std::span<const uint8_t> body,
                   std::vector<uint8_t>& out) const;
  void learn_name(const Pending& record);

  std::string name_;
  base::Nanos window_;
  event::EventTable table_;
  base::Interner names_;
  std::unordered_map<int32_t, base::StringId>
      told_;  ///< by tid: the name as of the last record gone
  std::vector<Node> by_time_;
  std::vector<Pending> slots_;
  std::vector<uint32_t> free_slots_;
  uint64_t next_number_ = 0;
  std::vector<Chunk> chunks_;  ///< bodies are added to the one at `chunk_`
  std::vector<uint32_t> free_chunks_;
  uint32_t chunk_ = 0;
  size_t payload_bytes_ = 0;
  base::Nanos newest_ = 0;  ///< of all records
  base::Nanos newest_of_rounds_before_ = 0;
  base::Nanos newest_of_round_ = 0;
  std::deque<Block> lent_;
  uint64_t position_ = 0;
  std::map<std::pair<int32_t, uint32_t>, uint64_t> losses_;  ///< by CPU and kind
  bool is_ended_ = false;
  std::atomic<bool> is_stopped_{false};
};

}  // namespace oc::source
