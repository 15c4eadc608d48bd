#include "format/zip_entry.h"

#include <zlib.h>

#include <array>

namespace oc::format {

namespace {

constexpr uint16_t kVersion = 20;          ///< of the format: deflate
constexpr uint16_t kSizesFollow = 1 << 3;  ///< flag: the local header does not know them
constexpr uint16_t kIsUtf8 = 1 << 11;      ///< flag: the name
constexpr uint16_t kDeflated = 8;
constexpr uint16_t kDate = 1 << 5 | 1;  ///< 1980-01-01, the first one that there is

}  // namespace

struct ZipEntry::Deflater {
  z_stream stream{};
  std::array<uint8_t, 1 << 16> buffer;
};

ZipEntry::ZipEntry(Output& out, std::string name)
    : out_(out), name_(std::move(name)), deflater_(std::make_unique<Deflater>()) {
  // Without zlib's own header: the archive has one.
  deflateInit2(&deflater_->stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8,
               Z_DEFAULT_STRATEGY);
  put_header(false);
  flush_head();
}

ZipEntry::~ZipEntry() { deflateEnd(&deflater_->stream); }

void ZipEntry::flush_head() {
  out_.write(head_);
  head_.clear();
}

void ZipEntry::put_header(bool in_directory) {
  put32(in_directory ? 0x02014b50 : 0x04034b50);
  if (in_directory) put16(kVersion);  // made by
  put16(kVersion);                    // needed
  put16(kSizesFollow | kIsUtf8);
  put16(kDeflated);
  put16(0);  // time
  put16(kDate);
  put32(checksum_);
  put32(static_cast<uint32_t>(packed_));
  put32(static_cast<uint32_t>(size_));
  put16(static_cast<uint16_t>(name_.size()));
  put16(0);  // extra fields
  if (in_directory) {
    put16(0);  // comment
    put16(0);  // disk
    put16(0);  // attributes of ours
    put32(0);  // and of the system
    put32(0);  // where the local header is
  }
  head_ += name_;
}

void ZipEntry::write(std::string_view text) {
  size_ += text.size();
  if (!text.empty()) {  // zlib begins anew where there is none
    checksum_ = static_cast<uint32_t>(
        crc32_z(checksum_, reinterpret_cast<const uint8_t*>(text.data()), text.size()));
  }
  z_stream& stream = deflater_->stream;
  const bool is_end = text.empty();
  do {
    const auto piece = text.substr(0, 1 << 30);
    text.remove_prefix(piece.size());
    stream.next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(piece.data()));
    stream.avail_in = static_cast<uInt>(piece.size());
    do {
      stream.next_out = deflater_->buffer.data();
      stream.avail_out = static_cast<uInt>(deflater_->buffer.size());
      deflate(&stream, is_end ? Z_FINISH : Z_NO_FLUSH);
      const size_t made = deflater_->buffer.size() - stream.avail_out;
      packed_ += made;
      out_.write(std::span<const uint8_t>(deflater_->buffer.data(), made));
    } while (stream.avail_out == 0);
  } while (!text.empty());
}

base::Status ZipEntry::finish() {
  write({});
  if (size_ >= UINT32_MAX || packed_ >= UINT32_MAX) {
    return base::make_error(base::Code::kUnsupported,
                            "the export has more than 4 GiB, too much for this archive",
                            "export less of the trace, or without the archive");
  }
  put32(0x08074b50);
  put32(checksum_);
  put32(static_cast<uint32_t>(packed_));
  put32(static_cast<uint32_t>(size_));
  flush_head();
  const uint64_t directory = 30 + name_.size() + packed_ + 16;  // local header, data, sizes
  put_header(true);
  const auto size = static_cast<uint32_t>(head_.size());
  put32(0x06054b50);
  put32(0);  // disks
  put16(1);
  put16(1);
  put32(size);
  put32(static_cast<uint32_t>(directory));
  put16(0);  // comment
  flush_head();
  return {};
}

}  // namespace oc::format
