#include "format/output.h"

#include <utility>
#include <vector>

#include "format/output_file.h"
#include "format/packer.h"

namespace oc::format {

namespace {

constexpr size_t kBuffer = 256 << 10;

/// Gathers what writers say in small pieces, packs it and hands it on.
class PackedOutput : public Output {
 public:
  using Output::write;
  PackedOutput(Compression compression, bool packs_whole)
      : packer_(Packer::make(compression, packs_whole)) {
    buffer_.reserve(kBuffer);
  }

  void write(std::span<const uint8_t> bytes) override {
    if (!status_) return;
    size_bytes_ += bytes.size();
    if (buffer_.size() + bytes.size() > kBuffer) flush();
    if (bytes.size() > kBuffer) {
      pack(bytes);
    } else {
      buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
    }
  }

  const base::Status& status() const override { return status_; }

  base::Status seal() override {
    if (std::exchange(is_sealed_, true)) return status_;
    flush();
    if (status_) status_ = packer_->finish(sink_);
    return status_;
  }

  base::Status finish() override {
    if (std::exchange(is_finished_, true)) return status_;
    if (seal()) status_ = complete();
    return status_;
  }

  uint64_t size_bytes() const override { return size_bytes_; }

 private:
  virtual base::Status append(std::span<const uint8_t> packed) = 0;
  virtual base::Status complete() = 0;

  void flush() {
    pack(buffer_);
    buffer_.clear();
  }
  void pack(std::span<const uint8_t> bytes) {
    if (status_ && !bytes.empty()) status_ = packer_->add(bytes, sink_);
  }

  std::unique_ptr<Packer> packer_;
  const Packer::Sink sink_ = [this](std::span<const uint8_t> packed) { return append(packed); };
  std::vector<uint8_t> buffer_;
  base::Status status_;
  uint64_t size_bytes_ = 0;
  bool is_sealed_ = false, is_finished_ = false;
};

class FileOutput : public PackedOutput {
 public:
  FileOutput(OutputFile file, const Options& options)
      : PackedOutput(options.compression, options.packs_whole), file_(std::move(file)) {}

 private:
  base::Status append(std::span<const uint8_t> packed) override { return file_.append(packed); }
  base::Status complete() override { return file_.finish(); }

  OutputFile file_;
};

class TextOutput : public PackedOutput {
 public:
  TextOutput(std::string& text, Compression compression, bool packs_whole)
      : PackedOutput(compression, packs_whole), text_(text) {}

 private:
  base::Status append(std::span<const uint8_t> packed) override {
    text_.append(reinterpret_cast<const char*>(packed.data()), packed.size());
    return {};
  }
  base::Status complete() override { return {}; }

  std::string& text_;
};

}  // namespace

Compression compression_of(std::string_view path, std::string_view* stem) {
  *stem = path;
  auto compression = Compression::kNone;
  if (path.ends_with(".gz")) compression = Compression::kGzip;
  if (path.ends_with(".zst")) compression = Compression::kZstd;
  if (compression != Compression::kNone) stem->remove_suffix(path.size() - path.rfind('.'));
  return compression;
}

base::Result<std::unique_ptr<Output>> Output::open(const std::string& path,
                                                   const Options& options) {
  auto opened = OutputFile::open(path, {.overwrites = options.overwrites});
  if (!opened) return std::move(opened.error());
  if (options.compression != Compression::kNone && opened->is_terminal()) {
    return base::make_error(base::Code::kUsage, "packed bytes are not written to a terminal",
                            "name a file, or pipe it into a program");
  }
  return std::unique_ptr<Output>(std::make_unique<FileOutput>(std::move(*opened), options));
}

std::unique_ptr<Output> Output::into(std::string& bytes, Compression compression,
                                     bool packs_whole) {
  return std::make_unique<TextOutput>(bytes, compression, packs_whole);
}

}  // namespace oc::format
