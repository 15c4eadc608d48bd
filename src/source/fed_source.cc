#include "source/fed_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/bytes.h"
#include "source/record.h"

namespace oc::source {

using base::Code;
using base::make_error;
using event::EventTable;

namespace {

constexpr uint64_t kCommon = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_TID | PERF_SAMPLE_TIME |
                             PERF_SAMPLE_CPU | PERF_SAMPLE_PERIOD;
constexpr size_t kMaxName = 4096;

template <typename T>
void put(std::vector<uint8_t>& out, T value) {
  const size_t at = out.size();
  out.resize(at + sizeof value);
  std::memcpy(out.data() + at, &value, sizeof value);
}

void put_bytes(std::vector<uint8_t>& out, std::span<const uint8_t> bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

/// Starts a record; its size is set by `finish_record`.
size_t begin_record(std::vector<uint8_t>& out, uint32_t type, uint16_t misc) {
  const size_t at = out.size();
  put(out, RecordHeader{type, misc, 0});
  return at;
}

void pad(std::vector<uint8_t>& out) { out.resize((out.size() + 7) & ~size_t{7}); }

void finish_record(std::vector<uint8_t>& out, size_t at) {
  const auto size_bytes = static_cast<uint16_t>(out.size() - at);
  std::memcpy(out.data() + at + 6, &size_bytes, sizeof size_bytes);
}

}  // namespace

uint32_t FedSource::add_kind(event::EventKind kind) {
  kind.attr.size = sizeof kind.attr;
  kind.attr.sample_type |= kCommon | PERF_SAMPLE_RAW;
  kind.attr.sample_id_all = 1;
  kind.layout = event::make_layout(kind.attr);
  return table_.add(std::move(kind), {table_.size() + 1});
}

base::Status FedSource::add(Pending record, const FedOrigin& origin,
                            std::span<const uint8_t> bytes) {
  if (bytes.size() > kMaxPayload || origin.comm.size() > kMaxName) {
    return make_error(Code::kInvalid,
                      fmt::format("a record of {} bytes is too long: at most {} are possible",
                                  std::max(bytes.size(), origin.comm.size()), kMaxPayload));
  }
  if (pending_bytes() + bytes.size() > kMaxPending) {
    return make_error(Code::kInvalid,
                      fmt::format("{} MiB of records wait for their turn", kMaxPending >> 20),
                      "return from next() now and then, or use a smaller window");
  }
  record.time = origin.time;
  record.cpu = origin.cpu;
  record.pid = origin.pid;
  record.tid = origin.tid;
  if (!origin.comm.empty()) record.comm = names_.intern(origin.comm);
  keep_body(record, bytes);
  uint32_t slot = static_cast<uint32_t>(slots_.size());
  if (free_slots_.empty()) {
    slots_.push_back(record);
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
    slots_[slot] = record;
  }
  by_time_.push_back({record.time, next_number_++, slot});
  std::push_heap(by_time_.begin(), by_time_.end());
  newest_of_round_ = std::max(newest_of_round_, origin.time);
  return {};
}

void FedSource::keep_body(Pending& record, std::span<const uint8_t> bytes) {
  record.size_bytes = static_cast<uint32_t>(bytes.size());
  if (bytes.empty()) return;
  if (chunks_.empty() || kChunkBytes - chunks_[chunk_].used < bytes.size()) {
    if (free_chunks_.empty()) {
      chunk_ = static_cast<uint32_t>(chunks_.size());
      chunks_.emplace_back();
    } else {
      chunk_ = free_chunks_.back();
      free_chunks_.pop_back();
    }
    Chunk& chunk = chunks_[chunk_];
    if (!chunk.bytes) chunk.bytes.reset(new uint8_t[kChunkBytes]);
  }
  Chunk& chunk = chunks_[chunk_];
  uint8_t* const own = chunk.bytes.get() + chunk.used;
  std::memcpy(own, bytes.data(), bytes.size());
  record.body = own;
  record.chunk = chunk_;
  chunk.used += bytes.size();
  ++chunk.bodies;
  payload_bytes_ += bytes.size();
}

void FedSource::free_body(const Pending& record) {
  if (record.size_bytes == 0) return;
  payload_bytes_ -= record.size_bytes;
  Chunk& chunk = chunks_[record.chunk];
  if (--chunk.bodies != 0) return;
  chunk.used = 0;
  if (record.chunk == chunk_) return;
  if (!free_chunks_.empty()) chunk.bytes.reset();  // one that is ready is enough
  free_chunks_.insert(free_chunks_.begin(), record.chunk);
}

base::Status FedSource::add_sample(uint32_t kind, const FedOrigin& origin,
                                   const FedSample& sample) {
  if (kind >= table_.size())
    return make_error(Code::kInvalid, fmt::format("there is no event number {}", kind));
  Pending record{};
  record.type = PERF_RECORD_SAMPLE;
  record.kind = kind;
  record.ip = sample.ip;
  record.addr = sample.addr;
  record.period = sample.period;
  return add(record, origin, sample.payload);
}

base::Status FedSource::add_record(uint32_t type, uint16_t misc, const FedOrigin& origin,
                                   std::span<const uint8_t> body) {
  Pending record{};
  record.type = type;
  record.misc = misc;
  return add(record, origin, body);
}

base::Status FedSource::add_lost(const FedOrigin& origin, uint32_t kind, uint64_t count) {
  std::vector<uint8_t> body;
  put<uint64_t>(body, kind < table_.size() ? kind + 1 : 0);
  put<uint64_t>(body, count);
  if (auto status = add_record(PERF_RECORD_LOST, 0, origin, body); !status) return status;
  losses_[{origin.cpu, kind}] += count;
  return {};
}

std::vector<Loss> FedSource::final_losses() {
  std::vector<Loss> all;
  for (const auto& [whose, count] : losses_) all.push_back({whose.first, whose.second, count});
  return all;
}

void FedSource::finish_round() {
  newest_of_rounds_before_ = newest_;
  newest_ = std::max(newest_, newest_of_round_);
  newest_of_round_ = 0;
}

base::Nanos FedSource::horizon() const {
  if (window_ == 0) return newest_of_rounds_before_;
  return newest_ > window_ ? newest_ - window_ : 0;
}

base::Status FedSource::next_round(std::chrono::milliseconds, Round& round) {
  round.clear();
  if (is_ended_) finish_round();
  round.is_last = is_ended_ || is_stopped_.load(std::memory_order_relaxed);
  round.horizon = is_ended_ ? newest_ : horizon();
  const base::Nanos until = is_ended_ ? UINT64_MAX : round.horizon;
  if (by_time_.empty() || by_time_.front().time > until) return {};
  Block block{position_, {}};
  while (!by_time_.empty() && by_time_.front().time <= until) {
    const uint32_t slot = by_time_.front().slot;
    std::pop_heap(by_time_.begin(), by_time_.end());
    by_time_.pop_back();
    write(slots_[slot], block.bytes);
    free_body(slots_[slot]);
    free_slots_.push_back(slot);
  }
  position_ += block.bytes.size();
  lent_.push_back(std::move(block));
  const Block& last = lent_.back();
  round.spans.push_back(
      {last.bytes.data(), last.bytes.data() + last.bytes.size(), 0, last.position});
  return {};
}

void FedSource::release(uint32_t, uint64_t position) {
  while (!lent_.empty() && lent_.front().position + lent_.front().bytes.size() <= position)
    lent_.pop_front();
}

/// Writes a record, and before it the name of its thread where that is new.
void FedSource::write(const Pending& record, std::vector<uint8_t>& out) {
  if (record.comm && record.type != PERF_RECORD_COMM && told_[record.tid] != record.comm) {
    told_[record.tid] = record.comm;
    std::vector<uint8_t> body;
    put(body, record.pid);
    put(body, record.tid);
    const std::string_view name = names_.text(record.comm);
    body.insert(body.end(), name.begin(), name.end());
    body.push_back(0);
    Pending comm = record;
    comm.type = PERF_RECORD_COMM;
    comm.misc = 0;
    write_other(comm, body, out);
  }
  if (record.type == PERF_RECORD_SAMPLE) return write_sample(record, out);
  learn_name(record);
  write_other(record, {record.body, record.size_bytes}, out);
}

/// What COMM and FORK say of names, so that no further COMM is made for them.
void FedSource::learn_name(const Pending& record) {
  const uint8_t* body = record.body;
  if (record.type == PERF_RECORD_COMM && record.size_bytes > 8) {
    told_[base::load<int32_t>(body + 4)] =
        names_.intern(base::bounded_text(body + 8, record.size_bytes - 8));
  } else if (record.type == PERF_RECORD_FORK && record.size_bytes >= 16) {
    const auto parent = told_.find(base::load<int32_t>(body + 12));
    told_[base::load<int32_t>(body + 8)] =
        parent == told_.end() ? base::StringId{} : parent->second;
  }
}

void FedSource::write_sample(const Pending& record, std::vector<uint8_t>& out) const {
  const uint64_t type = table_[record.kind].attr.sample_type;
  const size_t at = begin_record(out, PERF_RECORD_SAMPLE, record.misc);
  put<uint64_t>(out, record.kind + 1);
  if (type & PERF_SAMPLE_IP) put(out, record.ip);
  put(out, record.pid);
  put(out, record.tid);
  put(out, record.time);
  if (type & PERF_SAMPLE_ADDR) put(out, record.addr);
  put(out, record.cpu);
  put<uint32_t>(out, 0);
  put(out, record.period);
  // As perf_prepare_sample does: the size of RAW counts its padding, so that the record is a multiple of
  // 8 bytes. A payload ends with its format's fields; what follows is zeros.
  const uint32_t raw = ((record.size_bytes + 4 + 7) & ~7u) - 4;
  put(out, raw);
  put_bytes(out, {record.body, record.size_bytes});
  pad(out);
  finish_record(out, at);
}

void FedSource::write_other(const Pending& record, std::span<const uint8_t> body,
                            std::vector<uint8_t>& out) const {
  const size_t at = begin_record(out, record.type, record.misc);
  put_bytes(out, body);
  pad(out);
  put(out, record.pid);
  put(out, record.tid);
  put(out, record.time);
  put(out, record.cpu);
  put<uint32_t>(out, 0);
  put<uint64_t>(out, 1);  // IDENTIFIER: of any kind, their trailers are alike
  finish_record(out, at);
}

}  // namespace oc::source
