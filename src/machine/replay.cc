#include "machine/replay.h"

#include <algorithm>
#include <utility>

namespace oc::machine {

namespace {
constexpr size_t kSamples = SIZE_MAX;  // the stream of samples in the table
}

Replay::Replay(const Selection& selection)
    : selection_(&selection), machine_(&selection.machine()) {
  const ProcessTable& processes = machine_->processes;
  const auto lives = [&](const auto& list, What start, What end, uint64_t id = 0) {
    std::vector<Moment> starts, ends;
    for (const auto& one : list) {
      ++id;
      starts.push_back({one.start, start, id});
      if (one.end != kAfterTrace) ends.push_back({one.end, end, id});
    }
    add_stream(std::move(starts));
    add_stream(std::move(ends));
  };
  lives(processes.processes(), What::kProcessStart, What::kProcessEnd);
  lives(processes.threads(), What::kThreadStart, What::kThreadEnd);
  lives(machine_->spans.all(), What::kSpanStart, What::kSpanEnd, machine_->spans.dropped());
  std::vector<Moment> maps, unmaps;
  uint64_t index = 0;
  for (const MachineMapping& mapping : processes.mappings()) {
    ++index;
    maps.push_back({mapping.from, What::kMap, index});
    if (mapping.until != kAfterTrace) unmaps.push_back({mapping.until, What::kUnmap, index});
  }
  add_stream(std::move(maps));
  add_stream(std::move(unmaps));
  is_ordered_ = machine_->samples.is_ordered();
  if (!is_ordered_) {
    std::vector<Moment> samples;
    selection.for_each([&](const Sample& sample, uint64_t number) {
      samples.push_back({sample.time, What::kSample, number});
    });
    add_stream(std::move(samples));
  }
  end_ = machine_->samples.end();
  chunk_first_ = machine_->samples.first();
  Moment first;
  if (is_ordered_ && next_sample(&first)) heap_.push({first, kSamples});
}

void Replay::add_stream(std::vector<Moment> moments) {
  std::sort(moments.begin(), moments.end(),
            [](const Moment& a, const Moment& b) { return is_after(b, a); });
  streams_.push_back({std::move(moments), 0});
  push(streams_.size() - 1);
}

void Replay::push(size_t stream) {
  Stream& from = streams_[stream];
  if (from.at < from.moments.size()) heap_.push({from.moments[from.at++], stream});
}

bool Replay::next_sample(Moment* out) {
  const auto& chunks = machine_->samples.chunks();
  while (chunk_ < chunks.size() && chunk_first_ < end_) {
    const auto& chunk = chunks[chunk_];
    if (place_ == 0) {
      places_.resize(SampleTable::kChunk);
      places_.resize(selection_->select(chunk, chunk_first_, places_.data()));
    }
    if (place_ < places_.size()) {
      const uint16_t i = places_[place_++];
      *out = {chunk.times[i], What::kSample, chunk_first_ + i};
      return true;
    }
    place_ = 0;
    chunk_first_ += chunk.count;
    ++chunk_;
  }
  return false;
}

bool Replay::next(Moment* out) {
  if (heap_.empty()) return false;
  const Entry top = heap_.top();
  heap_.pop();
  *out = top.moment;
  Moment sample;
  if (top.stream != kSamples) {
    push(top.stream);
  } else if (next_sample(&sample)) {
    heap_.push({sample, kSamples});
  }
  return true;
}

}  // namespace oc::machine
