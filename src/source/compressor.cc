#include "source/compressor.h"

#include <zstd.h>

#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "source/record.h"

namespace oc::source {

namespace {

constexpr uint32_t kCompressedRecord = 81;
constexpr size_t kBlock = 1 << 16;
constexpr size_t kSkippableHeader = 8;

/// How many bytes of whole records fit into one frame.
size_t whole_records(std::span<const uint8_t> records) {
  size_t at = 0;
  while (at + sizeof(RecordHeader) <= records.size()) {
    const size_t size = record_header(records.data() + at).size_bytes;
    if (size < sizeof(RecordHeader) || at + size > Compressor::kMostInput) break;
    at += size;
  }
  return at == 0 ? std::min(records.size(), Compressor::kMostInput) : at;
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
    const size_t size = whole_records(records);
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
  // No reason is known why it should fail: ZSTD_compressBound(kMostInput) fits. Then: nothing is lost.
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
