#include "format/packer.h"

#include <libdeflate.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <new>
#include <optional>
#include <vector>

namespace oc::format {

namespace {

constexpr size_t kBlock = 64 << 10;
constexpr size_t kWhole = 16 << 20;  ///< up to that is packed at once
constexpr int kGzipLevel = 6;
constexpr int kWholeLevel = 4;  ///< two thirds of the time of 6, a twentieth more bytes
constexpr int kZstdLevel = 3;

class Plain : public Packer {
 public:
  base::Status add(std::span<const uint8_t> bytes, const Sink& sink) override {
    return sink(bytes);
  }
  base::Status finish(const Sink&) override { return {}; }
};

/// RFC 1952, as it comes; zlib's own header has no time and no name in it.
class GzipStream : public Packer {
 public:
  GzipStream() : out_(kBlock) {
    constexpr int kGzipWindow = 15 + 16;
    constexpr int kMemory = 8;
    if (deflateInit2(&stream_, kGzipLevel, Z_DEFLATED, kGzipWindow, kMemory, Z_DEFAULT_STRATEGY) !=
        Z_OK) {
      throw std::bad_alloc();
    }
  }
  GzipStream(const GzipStream&) = delete;
  GzipStream& operator=(const GzipStream&) = delete;
  ~GzipStream() override { deflateEnd(&stream_); }

  base::Status add(std::span<const uint8_t> bytes, const Sink& sink) override {
    while (!bytes.empty()) {
      const auto piece = bytes.first(std::min<size_t>(bytes.size(), 1u << 30));
      if (auto status = pack(piece, Z_NO_FLUSH, sink); !status) return status;
      bytes = bytes.subspan(piece.size());
    }
    return {};
  }
  base::Status finish(const Sink& sink) override { return pack({}, Z_FINISH, sink); }

 private:
  base::Status pack(std::span<const uint8_t> bytes, int flush, const Sink& sink) {
    stream_.next_in = const_cast<uint8_t*>(bytes.data());
    stream_.avail_in = static_cast<uInt>(bytes.size());
    do {
      stream_.next_out = out_.data();
      stream_.avail_out = static_cast<uInt>(out_.size());
      deflate(&stream_, flush);  // cannot fail: there is room, and the stream is sound
      const size_t packed = out_.size() - stream_.avail_out;
      if (packed == 0) continue;
      if (auto status = sink({out_.data(), packed}); !status) return status;
    } while (stream_.avail_out == 0);
    return {};
  }

  z_stream stream_{};
  std::vector<uint8_t> out_;
};

/// What is small is gathered and packed as a whole by libdeflate, in a third of zlib's time and to nearly the same size;
/// what is larger goes through zlib, for libdeflate has no streams, and not every reader knows files of several members. All that
/// was gathered is packed in one call then: not for threads that must not wait, nor for readers that do.
class WholeGzip : public Packer {
 public:
  base::Status add(std::span<const uint8_t> bytes, const Sink& sink) override {
    if (!stream_ && gathered_.size() + bytes.size() <= kWhole) {
      gathered_.insert(gathered_.end(), bytes.begin(), bytes.end());
      return {};
    }
    if (!stream_) {
      stream_.emplace();
      const std::vector<uint8_t> gathered = std::move(gathered_);
      if (auto status = stream_->add(gathered, sink); !status) return status;
    }
    return stream_->add(bytes, sink);
  }

  base::Status finish(const Sink& sink) override {
    if (stream_) return stream_->finish(sink);
    const std::unique_ptr<libdeflate_compressor, decltype(&libdeflate_free_compressor)> packer(
        libdeflate_alloc_compressor(kWholeLevel), libdeflate_free_compressor);
    if (packer == nullptr) throw std::bad_alloc();
    std::vector<uint8_t> out(libdeflate_gzip_compress_bound(packer.get(), gathered_.size()));
    out.resize(libdeflate_gzip_compress(packer.get(), gathered_.data(), gathered_.size(),
                                        out.data(), out.size()));
    return sink(out);
  }

 private:
  std::vector<uint8_t> gathered_;
  std::optional<GzipStream> stream_;
};

class Zstd : public Packer {
 public:
  Zstd() : context_(ZSTD_createCCtx()), out_(ZSTD_CStreamOutSize()) {
    if (context_ == nullptr) throw std::bad_alloc();
    ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, kZstdLevel);
    ZSTD_CCtx_setParameter(context_, ZSTD_c_checksumFlag, 1);
  }
  Zstd(const Zstd&) = delete;
  Zstd& operator=(const Zstd&) = delete;
  ~Zstd() override { ZSTD_freeCCtx(context_); }

  base::Status add(std::span<const uint8_t> bytes, const Sink& sink) override {
    return pack(bytes, ZSTD_e_continue, sink);
  }
  base::Status finish(const Sink& sink) override { return pack({}, ZSTD_e_end, sink); }

 private:
  base::Status pack(std::span<const uint8_t> bytes, ZSTD_EndDirective how, const Sink& sink) {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    for (;;) {
      ZSTD_outBuffer out{out_.data(), out_.size(), 0};
      const size_t left = ZSTD_compressStream2(context_, &out, &in, how);
      if (ZSTD_isError(left) != 0) throw std::bad_alloc();  // nothing else can fail
      if (out.pos != 0) {
        if (auto status = sink({out_.data(), out.pos}); !status) return status;
      }
      const bool is_done = how == ZSTD_e_end ? left == 0 : in.pos == in.size;
      if (is_done) return {};
    }
  }

  ZSTD_CCtx* context_;
  std::vector<uint8_t> out_;
};

}  // namespace

std::unique_ptr<Packer> Packer::make(Compression compression, bool packs_whole) {
  switch (compression) {
    case Compression::kGzip:
      if (packs_whole) return std::make_unique<WholeGzip>();
      return std::make_unique<GzipStream>();
    case Compression::kZstd:
      return std::make_unique<Zstd>();
    case Compression::kNone:
      break;
  }
  return std::make_unique<Plain>();
}

}  // namespace oc::format
