#include "source/record_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace oc::source {

using base::Result;
using std::chrono::milliseconds;

RecordHeader RecordStream::read_header(const uint8_t* record) const {
  RecordHeader header = record_header(record);
  if (order_ == base::ByteOrder::kOther) {
    header.type = base::swapped(header.type);
    header.misc = base::swapped(header.misc);
    header.size_bytes = base::swapped(header.size_bytes);
  }
  return header;
}

RecordStream::State RecordStream::stop(std::string why) {
  if (damage_.empty()) damage_ = fmt::format("{} at offset {:#x}", why, input_.offset());
  record_ = {};
  return State::kEnd;
}

Result<RecordStream::State> RecordStream::peek(milliseconds wait) {
  if (!record_.empty()) return State::kReady;
  for (;;) {
    if (!damage_.empty()) return State::kEnd;
    if (const auto state = take_unpacked()) return *state;
    if (is_unpacking_) {
      if (!is_piece_used_) {
        auto more = zstd_.produce(unpacked_);
        if (!more) return stop("a compressed record holds " + more.error().what);
        is_piece_used_ = !*more;
        continue;
      }
      is_unpacking_ = false;
      input_.pass(packed_size_);
    }
    if (auto state = skip_data(wait); !state || *state != State::kReady) return state;
    auto state = input_.need(sizeof(RecordHeader), wait);
    if (!state) return state;
    if (*state == State::kEnd && !input_.bytes().empty())
      return stop("the file ends inside a record");
    if (*state == State::kEnd && unpacked_.size() > unpacked_at_)
      return stop("the compressed records end inside a record");
    if (*state != State::kReady) return state;
    header_ = read_header(input_.bytes().data());
    if (!is_sound(header_)) return stop("a record has an impossible size");
    state = input_.need(header_.size_bytes, wait);
    if (state && *state == State::kEnd) return stop("the file ends inside a record");
    if (!state || *state != State::kReady) return state;
    record_ = input_.bytes().first(header_.size_bytes);
    if (header_.type != UserRecord::kCompressed && header_.type != UserRecord::kCompressed2)
      return State::kReady;
    zstd_.feed(packed_data());
    packed_size_ = header_.size_bytes;
    record_ = {};
    is_piece_used_ = false;
    is_unpacking_ = has_compressed_ = true;
  }
}

std::optional<RecordStream::State> RecordStream::take_unpacked() {
  const size_t left = unpacked_.size() - unpacked_at_;
  if (left < sizeof(RecordHeader)) {
    if (left == 0) {
      unpacked_.clear();
    } else {
      unpacked_.erase(unpacked_.begin(),
                      unpacked_.begin() + static_cast<std::ptrdiff_t>(unpacked_at_));
    }
    unpacked_at_ = 0;
    return std::nullopt;
  }
  const RecordHeader header = read_header(unpacked_.data() + unpacked_at_);
  if (!is_sound(header)) return stop("an unpacked record has an impossible size");
  if (header.size_bytes > left) {
    unpacked_.erase(unpacked_.begin(),
                    unpacked_.begin() + static_cast<std::ptrdiff_t>(unpacked_at_));
    unpacked_at_ = 0;
    return std::nullopt;
  }
  if (header.type == UserRecord::kCompressed || header.type == UserRecord::kCompressed2)
    return stop("a compressed record holds another one");
  record_ = std::span<const uint8_t>(unpacked_).subspan(unpacked_at_, header.size_bytes);
  header_ = header;
  is_from_packed_ = true;
  return State::kReady;
}

std::span<const uint8_t> RecordStream::packed_data() const {
  const auto whole = record_.subspan(sizeof(RecordHeader));
  if (header_.type == UserRecord::kCompressed) return whole;
  auto bytes = body();
  const auto size = bytes.read<uint64_t>();  // the rest is padding
  return bytes.failed() ? whole.first(0) : bytes.take(std::min<uint64_t>(size, bytes.remaining()));
}

void RecordStream::pass() {
  if (is_from_packed_) {
    unpacked_at_ += record_.size();
    is_from_packed_ = false;
    data_bytes_ = 0;
    record_ = {};
    return;
  }
  input_.pass(record_.size());
  record_ = data_ = {};
  to_skip_ = std::exchange(data_bytes_, 0);
}

Result<RecordStream::State> RecordStream::skip_data(milliseconds wait) {
  while (to_skip_ > 0) {
    const auto state = input_.need(1, wait);
    if (state && *state == State::kEnd) return stop("the file ends inside the data of a record");
    if (!state || *state != State::kReady) return state;
    const uint64_t step = std::min<uint64_t>(to_skip_, input_.bytes().size());
    input_.pass(step);
    to_skip_ -= step;
  }
  return State::kReady;
}

Result<RecordStream::State> RecordStream::peek_data(uint64_t size_bytes, milliseconds wait) {
  if (is_from_packed_) return State::kEnd;
  const auto state = input_.need(header_.size_bytes + size_bytes, wait);
  record_ = input_.bytes().first(header_.size_bytes);  // it may have moved
  if (state && *state == State::kReady)
    data_ = input_.bytes().subspan(header_.size_bytes, size_bytes);
  return state;
}

}  // namespace oc::source
