#include <algorithm>

#include "machine/machine.h"

namespace oc::machine {

namespace {

constexpr size_t kSpansAtOnce = 1024;
constexpr size_t kFewRows = 1024;  ///< that are not worth forgetting

}  // namespace

/// Looked at once in a chunk, so retention is exact to one chunk.
uint64_t Machine::add(const Sample& sample, std::span<const uint8_t> payload) {
  const uint64_t number = samples.add(sample, payload);
  const bool is_full = number % SampleTable::kChunk == SampleTable::kChunk - 1;
  if (is_full) let_go();
  return number;
}

SpanId Machine::add_span(const Span& span) {
  const SpanId id = spans.add(span);
  newest_ = std::max(newest_, span.end);
  if (id.value % kSpansAtOnce == kSpansAtOnce - 1) let_go();
  return id;
}

void Machine::keep_to(int64_t time) {
  newest_ = std::max(newest_, time);
  let_go();
}

/// Whose thread ended before it is told is asked for no more: samples, spans and `keep_to` say how far everybody is.
void Machine::let_go() {
  if (!retention_.is_any()) return;
  newest_ = std::max(newest_, samples.newest());
  const auto must_go = [&] {
    const auto& chunks = samples.chunks();
    if (chunks.size() < 2) return false;
    if (retention_.samples != 0 && samples.size() - chunks.front().count >= retention_.samples) {
      return true;
    }
    return retention_.span != 0 && chunks.front().last_time < newest_ - retention_.span;
  };
  while (must_go()) samples.drop_oldest();
  let_spans_go();
  const auto is_full = [&] {
    return retention_.size_bytes != 0 && kept_bytes() > retention_.size_bytes;
  };
  // What nobody needs any more is looked for when there may be as much of it as of the rest, or memory is short.
  const size_t rows = processes.rows() + attributes.distinct();
  const bool was_full = is_full();
  if (rows > (was_full ? kept_rows_ + kept_rows_ / 4 : 2 * kept_rows_) + kFewRows) {
    forget(kept_since(was_full));
  }
  while (is_full() && let_oldest_go()) continue;
}

/// In pieces, since each goes over all of them.
void Machine::let_spans_go() {
  const auto& all = spans.all();
  const size_t piece = std::max(kSpansAtOnce, all.size() / 8);
  if (all.size() <= piece) return;
  const bool are_many = retention_.samples != 0 && all.size() - piece >= retention_.samples;
  const bool are_old = retention_.span != 0 && all[piece - 1].end < newest_ - retention_.span;
  if (are_many || are_old) spans.drop_oldest(piece);
}

/// Of samples and spans. False when there is nothing to drop.
bool Machine::let_oldest_go() {
  const auto& chunks = samples.chunks();
  const bool has_spans = !spans.all().empty();
  if (chunks.size() >= 2 && (!has_spans || chunks.front().last_time <= spans.all().front().end)) {
    return samples.drop_oldest() != 0;
  }
  if (has_spans) spans.drop_oldest(spans.all().size() / 8 + 1);
  return has_spans;
}

/// What ended before is forgotten, unless something that is kept refers to it.
int64_t Machine::kept_since(bool is_full) const {
  const auto& chunks = samples.chunks();
  if (is_full && chunks.size() < 2) return newest_;
  int64_t since = INT64_MIN;
  if (retention_.span != 0) since = newest_ - retention_.span;
  if (dropped() != 0) {
    since = std::max(since, chunks.front().first_time);
  } else if (chunks.empty() && spans.dropped() != 0 && !spans.all().empty()) {
    since = std::max(since, spans.all().front().end);
  }
  return std::min(since, newest_);
}

void Machine::forget(int64_t since) {
  std::vector<uint8_t> contexts(processes.contexts().size() + 1, 0);
  std::vector<uint8_t> sets(attributes.size() + 1, 0);
  for (const SampleTable::Chunk& chunk : samples.chunks()) {
    for (uint32_t i = 0; i < chunk.count; ++i) contexts[chunk.contexts[i]] = 1;
    for (uint32_t i = 0; chunk.attributes && i < chunk.count; ++i) sets[chunk.attributes[i]] = 1;
  }
  for (const Span& span : spans.all()) {
    contexts[span.context.value] = 1;
    sets[span.attributes.value] = 1;
  }
  attributes.forget(std::move(sets));
  const std::vector<uint32_t> ids = processes.forget(since, contexts);
  samples.renumber_contexts(ids);
  spans.renumber_contexts(ids);
  kept_rows_ = processes.rows() + attributes.distinct();
}

/// Of what retention can let go.
uint64_t Machine::kept_bytes() const {
  return samples.size_bytes() + spans.size_bytes() + attributes.size_bytes() +
         processes.size_bytes();
}

}  // namespace oc::machine
