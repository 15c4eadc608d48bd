#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace oc::source {

/// Packs records into COMPRESSED records (81): { header, one zstd frame, padding }.
///
/// Each holds a frame of its own of whole records, so that damage costs no more than itself, and no reader has
/// to keep a stream's history. perf packs one stream into all, which is a few percent smaller. A skippable
/// frame pads to 8 bytes: perf's own are not aligned, which is why it has COMPRESSED2 since 6.16.
///
/// A record larger than `kMostInput` has a frame of its own; when that does not fit into a record, the record
/// itself is the part, not packed: readers take plain records between COMPRESSED ones.
class Compressor {
 public:
  /// Bytes of records per frame: what does not shrink must still fit a record's u16 size.
  static constexpr size_t kMostInput = 60 << 10;
  /// What one frame unpacks to at most: a record's u16 size.
  static constexpr size_t kMostUnpacked = 64 << 10;

  explicit Compressor(int level);
  ~Compressor();

  /// Adds parts that hold `records` (whole ones), and how many bytes of records each stands for. Lent: until `clear`,
  /// and as long as the records are.
  void add(std::span<const uint8_t> records, std::vector<iovec>& parts,
           std::vector<uint64_t>& unpacked);
  void clear() { used_ = 0; }
  int level() const { return level_; }

 private:
  void pack(std::span<const uint8_t> records, std::vector<iovec>& parts);

  struct Context;
  std::unique_ptr<Context> context_;
  int level_;
  std::vector<std::unique_ptr<uint8_t[]>> blocks_;  // one record each, kept for the next round
  size_t used_ = 0;
};

}  // namespace oc::source
