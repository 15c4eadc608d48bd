#include "source/compressor.h"

#include <zstd.h>

#include <cstring>

#include "base/bytes.h"
#include "source/record.h"

namespace oc::source {

namespace {

constexpr uint32_t kCompressedRecord = 81;
constexpr size_t kBlock = 1 << 16;
constexpr size_t kSkippableHeader = 8;

/// The size of the next part: whole records that fit into one frame, or one that is larger than that. What is no
/// record, which no caller hands over, ends the walk: all that is left.
size_t part_size(std::span<const uint8_t> records) {
  size_t at = 0;
  while (records.size() - at >= sizeof(RecordHeader)) {
    const size_t size = record_header(records.data() + at).size_bytes;
    if (size < sizeof(RecordHeader) || size > records.size() - at) break;
    if (at + size > Compressor::kMostInput) return at == 0 ? size : at;
    at += size;
  }
  return at == 0 ? records.size() : at;
}

}  // namespace

struct Compressor::Context {
  ZSTD_CCtx* zstd = ZSTD_createCCtx();
  ~Context() { ZSTD_freeCCtx(zstd); }
};

Compressor::Compressor(int level) : context_(std::make_unique<Context>()), level_(level) {}
Compressor::~Compressor() = default;

void Compressor::add(std::span<const uint8_t> records, std::vector<iovec>& parts,
                     std::vector<uint64_t>& unpacked) {
  while (!records.empty()) {
    const size_t size = part_size(records);
    pack(records.first(size), parts);
    unpacked.push_back(size);
    records = records.subspan(size);
  }
}

void Compressor::pack(std::span<const uint8_t> records, std::vector<iovec>& parts) {
  if (used_ == blocks_.size()) blocks_.push_back(std::make_unique<uint8_t[]>(kBlock));
  uint8_t* block = blocks_[used_++].get();
  const size_t packed = ZSTD_compressCCtx(context_->zstd, block + 8, kBlock - 24, records.data(),
                                          records.size(), level_);
  size_t size = 8;
  // ZSTD_compressBound(kMostInput) fits. A record above that may not shrink enough: it stays as it is.
  if (ZSTD_isError(packed) != 0) {
    --used_;
    parts.push_back({const_cast<uint8_t*>(records.data()), records.size()});
    return;
  }
  size += packed;
  if (size % 8 != 0) {
    const auto fill = static_cast<uint32_t>(8 - size % 8);
    const uint32_t skippable[2] = {ZSTD_MAGIC_SKIPPABLE_START, fill};
    std::memcpy(block + size, skippable, kSkippableHeader);
    std::memset(block + size + kSkippableHeader, 0, fill);
    size += kSkippableHeader + fill;
  }
  const uint32_t type = kCompressedRecord;
  const uint16_t misc_and_size[2] = {0, static_cast<uint16_t>(size)};
  std::memcpy(block, &type, 4);
  std::memcpy(block + 4, misc_and_size, 4);
  parts.push_back({block, size});
}

}  // namespace oc::source
