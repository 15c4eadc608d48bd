#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/byte_order.h"
#include "base/zstd_decoder.h"
#include "source/byte_input.h"
#include "source/record.h"

namespace oc::source {

/// User records that matter to reading (tools/lib/perf/include/perf/event.h).
struct UserRecord {
  enum : uint32_t {
    kAttr = 64,
    kRoom = 65,  ///< perf's before 3.11; here what PerfDataWriter makes room by
    kTracingData = 66,
    kBuildId = 67,
    kFinishedRound = 68,
    kAuxtrace = 71,
    kEventUpdate = 78,
    kFeature = 80,
    kCompressed = 81,
    kFinishedInit = 82,
    kCompressed2 = 83,
  };
};

/// Takes the bytes of an input apart into records, unpacking those that are compressed.
///
///     input:    r r [COMPRESSED z1] r [COMPRESSED z2] ROUND ...       z1, z2: one zstd stream
///     records:  r r  a b c(first half) r (second half)c d  ROUND      a record may straddle two of them
///
/// Records keep their byte order; only `header()` is of this machine's. A record that makes no sense ends
/// the stream: `damage()` says where and why. Memory: one step of unpacking beside the input's.
class RecordStream {
 public:
  /// `input` outlives this.
  RecordStream(ByteInput& input, base::ByteOrder order) : input_(input), order_(order) {}

  using State = ByteInput::State;
  /// Makes the next record that was not passed lie at `record()`.
  base::Result<State> peek(std::chrono::milliseconds wait);
  /// Lent: until the next call of anything here.
  std::span<const uint8_t> record() const { return record_; }
  const RecordHeader& header() const { return header_; }
  void pass();

  /// The bytes behind the record at hand, which a tracing data record announces. Lent, as the record.
  /// kEnd when they are not all there.
  base::Result<State> peek_data(uint64_t size_bytes, std::chrono::milliseconds wait);
  std::span<const uint8_t> data() const { return data_; }
  /// The record at hand is followed by so many bytes that belong to it: `pass` steps over them too.
  void with_data(uint64_t size_bytes) { data_bytes_ = size_bytes; }

  base::ByteOrder order() const { return order_; }
  /// A number of a user record, of the order of the stream.
  base::OrderedBytes body() const { return {record_.subspan(sizeof(RecordHeader)), order_}; }
  /// Why the stream ended before its input did; empty when it did not.
  const std::string& damage() const { return damage_; }
  /// In the input: of the record at hand, or of the compressed one that it came from.
  uint64_t offset() const { return input_.offset(); }
  bool has_compressed() const { return has_compressed_; }
  ByteInput& input() { return input_; }

 private:
  /// Takes a record out of what was unpacked; nothing when that has no whole one.
  std::optional<State> take_unpacked();
  /// The payload of the compressed record at hand; empty when it makes no sense.
  std::span<const uint8_t> packed_data() const;
  base::Result<State> skip_data(std::chrono::milliseconds wait);
  State stop(std::string why);
  RecordHeader read_header(const uint8_t* record) const;
  /// Checks a header against the bytes that are known to be left; false when it makes no sense.
  static bool is_sound(const RecordHeader& header) {
    return header.size_bytes >= sizeof(RecordHeader);
  }

  ByteInput& input_;
  base::ByteOrder order_;
  std::span<const uint8_t> record_;
  RecordHeader header_{};
  uint64_t data_bytes_ = 0;  ///< behind the record at hand
  uint64_t to_skip_ = 0;
  std::span<const uint8_t> data_;
  base::ZstdDecoder zstd_;
  std::vector<uint8_t> unpacked_;
  size_t unpacked_at_ = 0;
  bool is_unpacking_ = false;    ///< the input is at a compressed record
  bool is_piece_used_ = false;   ///< and gave all that it holds
  uint16_t packed_size_ = 0;     ///< of that record
  bool is_from_packed_ = false;  ///< the record at hand lies in `unpacked_`
  bool has_compressed_ = false;
  std::string damage_;
};

}  // namespace oc::source
