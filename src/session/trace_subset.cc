#include "session/trace_subset.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "source/feature.h"

namespace oc::session {

using source::Feature;

namespace {

constexpr size_t kSubsetPiece = 1 << 20;  ///< bytes written at once

/// Sections that are not so of a part, or of what is written anew.
bool is_of_the_whole(int number) {
  constexpr int kAuxTrace = 18, kStat = 19;
  for (const int other :
       {int{source::kTracingDataFeature}, int{source::kBuildIdFeature},
        int{source::kEventDescriptionFeature}, int{source::kSampleTimeFeature},
        int{source::kDirFormatFeature}, int{source::kCompressedFeature}, kAuxTrace, kStat}) {
    if (number == other) return true;
  }
  constexpr int kFeatureBits =
      64;  // the writer's; others' own (simpleperf's 128 …) say nothing to perf
  return number >= kFeatureBits;
}

/// Of a trace in the other byte order what is known by name is written anew.
source::FeatureSections features_of(const source::RecordedTrace& trace) {
  source::FeatureSections features;
  if (trace.header().order() == base::ByteOrder::kHost) {
    for (const auto& [number, bytes] : trace.header().features()) {
      if (!is_of_the_whole(number)) features.add_bytes(static_cast<Feature>(number), bytes);
    }
    return features;
  }
  const source::TraceFacts& facts = trace.facts();
  const auto add = [&](Feature number, const std::string& text) {
    if (!text.empty()) features.add_text(number, text);
  };
  add(source::kHostFeature, facts.host);
  add(source::kKernelFeature, facts.kernel);
  add(source::kVersionFeature, facts.perf_version);
  add(source::kArchFeature, facts.arch);
  add(source::kCpuDescriptionFeature, facts.cpu);
  if (facts.cpus_online != 0) features.add_cpu_count(facts.cpus_available, facts.cpus_online);
  if (facts.memory_bytes != 0) features.add_memory(facts.memory_bytes >> 10);
  if (!facts.command.empty()) features.add_texts(source::kCommandLineFeature, facts.command);
  return features;
}

}  // namespace

TraceSubset::TraceSubset(const source::RecordedTrace& trace, source::TraceOutput output)
    : trace_(trace), clock_(trace.events()), output_(std::move(output)), writer_(output_, 0) {}

TraceSubset::~TraceSubset() {
  if (!is_finished_) output_.discard();
}

base::Result<std::unique_ptr<TraceSubset>> TraceSubset::open(const source::RecordedTrace& trace,
                                                             const std::string& path) {
  auto output = source::TraceOutput::open(path);
  if (!output) return std::move(output.error());
  std::unique_ptr<TraceSubset> made(new TraceSubset(trace, std::move(*output)));
  if (auto status = made->begin(); !status) return std::move(status.error());
  return made;
}

base::Status TraceSubset::begin() {
  auto begun = writer_.begin(trace_.events(), features_of(trace_), trace_.header().tracing_data(),
                             kSubsetPiece);
  if (begun && !output_.is_seekable()) put_build_ids();
  return begun;
}

/// A stream has them as records of their own (type 67), as far as they are known at its beginning.
void TraceSubset::put_build_ids() {
  constexpr uint32_t kBuildIdRecord = 67;
  source::FeatureSections sections;
  sections.add_build_ids(trace_.facts().build_ids);
  std::vector<uint8_t> bytes = sections.sections().at(source::kBuildIdFeature);
  for (size_t at = 0; at < bytes.size();) {
    std::memcpy(bytes.data() + at, &kBuildIdRecord, sizeof kBuildIdRecord);
    const size_t size = source::record_header(bytes.data() + at).size_bytes;
    put(bytes.data() + at);
    at += size;
  }
}

void TraceSubset::put(const uint8_t* record) {
  const size_t size = source::record_header(record).size_bytes;
  buffer_.insert(buffer_.end(), record, record + size);
  if (buffer_.size() >= kSubsetPiece) flush(false);
}

void TraceSubset::flush(bool ends_round) {
  if (status_ && !buffer_.empty()) {
    source::Span span;
    span.begin = buffer_.data();
    span.end = buffer_.data() + buffer_.size();
    status_ = writer_.append(std::span<const source::Span>(&span, 1), ends_round);
  }
  buffer_.clear();
}

void TraceSubset::begin_batch(const Batch& batch) {
  batch_ = &batch;
  side_at_ = 0;
  last_ = -1;
}

/// Up to and with those that stand before the event of that index.
void TraceSubset::take_side_records(uint32_t before) {
  const auto& side = batch_->side;
  for (; side_at_ < side.size() && side[side_at_].before <= before; ++side_at_)
    put(side[side_at_].record);
}

void TraceSubset::add(const oc_event& event) {
  if (batch_ == nullptr) return;
  const auto index = static_cast<int64_t>(&event - batch_->events.data());
  if (index <= last_ || index >= int64_t{batch_->count}) return;
  last_ = index;
  take_side_records(static_cast<uint32_t>(index));
  const source::RecordHeader header = source::record_header(event.record);
  const base::Nanos time = clock_.time(event.record, header);
  if (time != 0 && header.type == PERF_RECORD_SAMPLE) {
    first_time_ = first_time_ == 0 ? time : std::min(first_time_, time);
    last_time_ = std::max(last_time_, time);
  }
  ++events_;
  const bool is_side = side_at_ > 0 && batch_->side[side_at_ - 1].record == event.record;
  if (!is_side) put(event.record);
}

void TraceSubset::finish_batch() {
  if (batch_ == nullptr) return;
  take_side_records(UINT32_MAX);
  flush(true);
  batch_ = nullptr;
}

base::Status TraceSubset::finish() {
  finish_batch();
  if (!status_) return status_;
  source::FeatureSections more;
  if (!trace_.facts().build_ids.empty()) more.add_build_ids(trace_.facts().build_ids);
  if (first_time_ != 0) more.add_sample_times(first_time_, last_time_);
  if (auto status = writer_.finish(more); !status) return status;
  if (auto status = output_.finish(); !status) {
    base::Error error = std::move(status.error());
    error.hint = "the part is not kept: write it to another place";
    return error;
  }
  is_finished_ = true;
  return {};
}

}  // namespace oc::session
