#pragma once

#include <algorithm>
#include <atomic>
#include <cstring>
#include <functional>
#include <memory>
#include <vector>

#include "source/source.h"
#include "support/byte_writer.h"

namespace oc::test {

/// A Source whose rounds a test wrote down before: the bytes of its streams as spans, the horizon, the end.
///
///     FakeSource source(table);
///     source.round({{0, writer.bytes}}, 100);          // stream 0 gets these; complete up to 100
///     source.round({}, 200).last();
///
/// It lends as a ring does: what `release` passes is overwritten, so that a reader who still uses it
/// finds 0xdd instead of its record. `rewound` and `beyond` count releases that no source should see.
class FakeSource final : public source::Source {
 public:
  struct Piece {
    uint32_t stream;
    ByteVector bytes;
  };

  explicit FakeSource(event::EventTable table) : table_(std::move(table)) {}

  FakeSource& round(std::vector<Piece> pieces, base::Nanos horizon) {
    Step step;
    step.pieces = std::move(pieces);
    step.horizon = horizon;
    steps_.push_back(std::move(step));
    return *this;
  }
  /// The round that was added last is the source's last.
  FakeSource& last() {
    steps_.back().is_last = true;
    return *this;
  }
  /// After the rounds so far, `next_round` fails.
  FakeSource& fail(base::Error error) {
    Step step;
    step.error = std::move(error);
    steps_.push_back(std::move(step));
    return *this;
  }

  const event::EventTable& events() const override { return table_; }

  base::Status next_round(std::chrono::milliseconds, source::Round& round) override {
    round.clear();
    if (before_round) before_round(at_);
    if (at_ >= steps_.size()) {
      round.is_last = !is_endless;
      return {};
    }
    Step& step = steps_[at_++];
    if (!step.error.what.empty()) return step.error;
    for (Piece& piece : step.pieces) lend(piece, round);
    round.horizon = step.horizon;
    round.is_last = step.is_last;
    return {};
  }

  void release(uint32_t stream, uint64_t position) override {
    Stream& s = stream_of(stream);
    if (position < s.released) ++rewound;
    if (position > s.written) ++beyond;
    s.released = position;
    for (; s.gone < s.blocks.size(); ++s.gone) {
      Block& block = s.blocks[s.gone];
      const uint64_t size = block.bytes.size();
      if (position > block.position)
        std::memset(block.bytes.data(), 0xdd, std::min(size, position - block.position));
      if (position < block.position + size) break;
    }
  }

  uint64_t released(uint32_t stream) { return stream_of(stream).released; }
  uint64_t written(uint32_t stream) { return stream_of(stream).written; }
  size_t rounds_taken() const { return at_; }

  bool is_endless = false;  ///< after its script: empty rounds for ever, as an idle machine
  std::function<void(size_t)> before_round;
  int rewound = 0;
  int beyond = 0;

 private:
  struct Step {
    std::vector<Piece> pieces;
    base::Nanos horizon = 0;
    bool is_last = false;
    base::Error error;
  };
  struct Block {
    uint64_t position;
    ByteVector bytes;
  };
  struct Stream {
    std::vector<Block> blocks;
    uint64_t written = 0;
    uint64_t released = 0;
    size_t gone = 0;  ///< so many blocks are overwritten as a whole
  };

  Stream& stream_of(uint32_t number) {
    while (streams_.size() <= number) streams_.push_back(std::make_unique<Stream>());
    return *streams_[number];
  }

  void lend(Piece& piece, source::Round& round) {
    Stream& stream = stream_of(piece.stream);
    stream.blocks.push_back({stream.written, std::move(piece.bytes)});
    const Block& block = stream.blocks.back();
    stream.written += block.bytes.size();
    round.spans.push_back({block.bytes.data(), block.bytes.data() + block.bytes.size(),
                           piece.stream, block.position});
  }

  event::EventTable table_;
  std::vector<Step> steps_;
  size_t at_ = 0;
  std::vector<std::unique_ptr<Stream>> streams_;
};

}  // namespace oc::test
