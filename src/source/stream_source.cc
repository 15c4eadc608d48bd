#include "source/stream_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace oc::source {

using base::Code;
using base::make_error;
using base::Result;
using base::Status;
using std::chrono::milliseconds;

namespace {

constexpr uint64_t kMostEarlyBytes = 64u << 20;
constexpr uint64_t kMostTracingData = 256u << 20;
constexpr uint64_t kPipeScanBytes = 1 << 20;  // of a pipe, handed on at once
constexpr milliseconds kHeaderTurn{100};
constexpr int kQuietTurns = 5;  // then the header is taken for complete, if there is an event

}  // namespace

StreamSource::StreamSource(const TraceHeader& header, std::unique_ptr<ByteInput> input,
                           const Limits& limits)
    : header_(header),
      input_(std::move(input)),
      stream_(*input_, header.order()),
      most_held_(limits.most_held),
      is_damaged_(limits.is_cut) {
  if (header.events().size() != 0) begin_records();
}

void StreamSource::begin_records() {
  clock_.emplace(header_.events());
  if (stream_.order() == base::ByteOrder::kOther) swapper_.emplace(header_.events());
}

Result<std::unique_ptr<StreamSource>> StreamSource::open_pipe(
    TraceHeader& header, std::unique_ptr<ByteInput> input,
    const std::function<bool()>& is_asked_to_stop, const Limits& limits) {
  auto source = std::make_unique<StreamSource>(header, std::move(input), limits);
  if (auto status = source->load_header(header, is_asked_to_stop); !status)
    return std::move(status.error());
  source->begin_records();
  return source;
}

// The header of a stream ------------------------------------------------------------------------

Status StreamSource::load_header(TraceHeader& header,
                                 const std::function<bool()>& is_asked_to_stop) {
  int quiet = 0;
  while (!is_asked_to_stop()) {
    const auto state = take_header_record(header, kHeaderTurn);
    if (!state) return state.error();
    if (*state == State::kEnd) break;
    quiet = *state == State::kWaiting ? quiet + 1 : 0;
    // A recorder writes what its events are before it writes who runs.
    if (quiet >= kQuietTurns && header.attr_count() > 0 && !early_.empty()) break;
  }
  if (header.attr_count() == 0 && !stream_.damage().empty()) {
    return make_error(Code::kInvalid, fmt::format("{}: {}, before any event was described",
                                                  header.path(), stream_.damage()));
  }
  return header.finish(true);
}

/// Takes one record that tells of events or of who runs already; kEnd at the first that does not.
Result<StreamSource::State> StreamSource::take_header_record(TraceHeader& header,
                                                             milliseconds wait) {
  auto state = stream_.peek(wait);
  if (!state || *state != State::kReady) return state;
  const auto record = stream_.record();
  const RecordHeader& kind = stream_.header();
  auto body = stream_.body();
  switch (kind.type) {
    case UserRecord::kAttr:
      if (!header.add_attr_record(record.subspan(sizeof(RecordHeader))))
        header.add_note(fmt::format("{}: the event described at offset {:#x} makes no sense",
                                    header.path(), stream_.offset()));
      break;
    case UserRecord::kFeature: {
      const auto number = body.read<uint64_t>();
      if (!body.failed() && number < 64)
        header.add_feature(static_cast<int>(number), body.take(body.remaining()));
      break;
    }
    case UserRecord::kEventUpdate: {
      constexpr uint64_t kName = 2;  // PERF_EVENT_UPDATE__NAME
      const auto what = body.read<uint64_t>();
      const auto id = body.read<uint64_t>();
      const auto text = base::bounded_text(body.at(), body.remaining());
      if (!body.failed() && what == kName) header.name_event(id, std::string(text));
      break;
    }
    case UserRecord::kBuildId:
      header.add_build_ids(record);
      break;
    case UserRecord::kTracingData:
      state = take_tracing_data(header, wait);
      if (!state || *state != State::kReady) return state;
      break;
    default:
      if (kind.type == PERF_RECORD_SAMPLE || kind.type == UserRecord::kFinishedRound ||
          kind.type == UserRecord::kFinishedInit || kind.type == UserRecord::kAuxtrace ||
          early_.size() > kMostEarlyBytes)
        return State::kEnd;
      stream_.with_data(further_bytes(kind));
      if (kind.type < kFirstUserType) early_.insert(early_.end(), record.begin(), record.end());
      break;
  }
  stream_.pass();
  return State::kReady;
}

Result<StreamSource::State> StreamSource::take_tracing_data(TraceHeader& header,
                                                            milliseconds wait) {
  const auto size = stream_.body().read<uint32_t>();
  if (size > kMostTracingData) {
    header.add_note(fmt::format("{}: {} bytes of tracing data at offset {:#x} make no sense",
                                header.path(), size, stream_.offset()));
    return State::kReady;
  }
  const auto state = stream_.peek_data(size, wait);
  if (state && *state == State::kReady) {
    header.add_feature(kTracingDataFeature, stream_.data());
    stream_.with_data(size);
  }
  if (state && *state == State::kEnd)
    header.add_note(header.path() + " ends inside its tracing data: tracepoints have no fields");
  return state;
}

// Rounds ----------------------------------------------------------------------------------------

Status StreamSource::next_round(milliseconds wait, Round& round) {
  round.clear();
  RunScan scan(*clock_, round.runs, next_order_, window_);
  take_early_records(scan);
  bool is_end = false;
  for (;;) {
    if (is_woken_.load(std::memory_order_relaxed) && !is_live()) break;
    // What is there already is taken at once; it is only worth to wait for the first record.
    const auto state = stream_.peek(scan.records() == 0 ? wait : milliseconds(0));
    if (!state) return state.error();
    is_end = *state == State::kEnd;
    if (*state != State::kReady) break;
    position_.store(stream_.offset(), std::memory_order_relaxed);
    const RecordHeader header = stream_.header();
    if (header.type < kFirstUserType) {
      take(stream_.record(), header, scan);
      stream_.pass();
      // What a round delivers is what came in the one before: two of them are held.
      if (store_.next() - held_at_round_ > most_held_ / 2) {
        scan.cut();
        newest_ = std::max(newest_, scan.newest());
        end_round();
        break;
      }
      if (!is_live() || scan.bytes() < kPipeScanBytes) continue;
      break;
    }
    scan.cut();
    newest_ = std::max(newest_, scan.newest());
    if (pass_user_record()) break;
  }
  scan.cut();
  newest_ = std::max(newest_, scan.newest());
  if (is_woken_.load(std::memory_order_relaxed) && !is_live()) {
    round.clear();
    round.is_last = true;
    round.horizon = horizon_;
    return {};
  }
  if (is_end && !stream_.damage().empty()) {
    is_damaged_ = true;
    notes_.push_back(fmt::format("{}: {}; the records before it were read, those after it were not",
                                 header_.path(), stream_.damage()));
  }
  note_late_header();
  round.is_last = is_end;
  round.records = scan.records();
  round.bytes = scan.bytes();
  round.handed = store_.next();
  round.has_more = is_live() && stream_.input().bytes().size() >= sizeof(RecordHeader);
  round.horizon = is_end ? newest_ : horizon_;
  return {};
}

void StreamSource::take_early_records(RunScan& scan) {
  for (std::span<const uint8_t> left(early_); left.size() >= sizeof(RecordHeader);) {
    RecordHeader header = record_header(left.data());
    if (swapper_) {
      header.type = base::swapped(header.type);
      header.misc = base::swapped(header.misc);
      header.size_bytes = base::swapped(header.size_bytes);
    }
    take(left.first(header.size_bytes), header, scan);
    left = left.subspan(header.size_bytes);
  }
  early_ = {};
}

/// Keeps a record and adds it to the runs.
void StreamSource::take(std::span<const uint8_t> record, const RecordHeader& header,
                        RunScan& scan) {
  if (!swapper_ && scan.pass(record.data(), header)) return;
  const uint64_t position = store_.next();
  const auto own = store_.add(record.size());
  std::memcpy(own.data(), record.data(), record.size());
  if (swapper_) {
    std::memcpy(own.data(), &header, sizeof header);
    swapper_->swap(own);
  }
  scan.add(own.data(), header, position, 0);
}

void StreamSource::end_round() {
  horizon_ = newest_of_rounds_;
  newest_of_rounds_ = newest_;
  held_at_round_ = store_.next();
}

bool StreamSource::pass_user_record() {
  const RecordHeader header = stream_.header();
  bool is_enough = false;
  switch (header.type) {
    case UserRecord::kFinishedRound:
      end_round();
      is_enough = true;
      break;
    case UserRecord::kAuxtrace:
      stream_.with_data(stream_.body().read<uint64_t>());
      break;
    case UserRecord::kTracingData:
      stream_.with_data(stream_.body().read<uint32_t>());
      [[fallthrough]];
    case UserRecord::kAttr:
      ++late_header_records_;
      break;
    default:
      stream_.with_data(further_bytes(header));
      break;
  }
  stream_.pass();
  return is_enough;
}

void StreamSource::note_late_header() {
  if (late_header_records_ == 0 || is_odd_order_said_) return;
  is_odd_order_said_ = is_damaged_ = true;
  notes_.push_back(header_.path() +
                   ": events are described behind the first samples; their samples are not known");
}

void StreamSource::wake() {
  is_woken_.store(true, std::memory_order_relaxed);
  input_->wake();
}

std::vector<std::string> StreamSource::notes() const {
  std::vector<std::string> all = header_.notes();
  all.insert(all.end(), notes_.begin(), notes_.end());
  return all;
}

}  // namespace oc::source
