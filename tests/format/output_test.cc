#include "format/output.h"

#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

using namespace oc::format;

namespace {

/// Text that packs a little and is longer than all buffers.
std::string long_text() {
  std::string text;
  uint32_t random = 1;
  while (text.size() < 1'000'000) {
    random = random * 1664525 + 1013904223;
    text += std::to_string(random);
  }
  return text;
}

std::string pack(const std::string& text, Compression compression, size_t piece,
                 bool packs_whole = false) {
  std::string packed;
  const auto out = Output::into(packed, compression, packs_whole);
  for (size_t at = 0; at < text.size(); at += piece) {
    out->write(std::string_view(text).substr(at, piece));
  }
  REQUIRE(out->finish());
  CHECK(out->size_bytes() == text.size());
  return packed;
}

std::string gunzip(const std::string& packed, size_t size) {
  z_stream stream{};
  REQUIRE(inflateInit2(&stream, 15 + 16) == Z_OK);
  std::string text(size, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(size);
  CHECK(inflate(&stream, Z_FINISH) == Z_STREAM_END);
  CHECK(stream.avail_in == 0);
  inflateEnd(&stream);
  return text;
}

}  // namespace

TEST_CASE("an extension says how a file is packed") {
  std::string_view stem;
  CHECK(compression_of("a/b.svg.gz", &stem) == Compression::kGzip);
  CHECK(stem == "a/b.svg");
  CHECK(compression_of("b.zst", &stem) == Compression::kZstd);
  CHECK(stem == "b");
  CHECK(compression_of("b.gz.svg", &stem) == Compression::kNone);
  CHECK(stem == "b.gz.svg");
}

TEST_CASE("what is packed as gzip or zstd is unpacked by these, whatever the pieces") {
  const std::string text = long_text();
  CHECK(pack(text, Compression::kNone, 1000) == text);
  for (const bool whole : {false, true}) {
    const std::string gzip = pack(text, Compression::kGzip, 777, whole);
    CHECK(gzip == pack(text, Compression::kGzip, 400'000, whole));
    CHECK(gzip.substr(0, 4) == std::string("\x1f\x8b\x08\x00", 4));
    CHECK(gzip.substr(4, 4) == std::string(4, '\0'));  // the time: none
    CHECK(gunzip(gzip, text.size()) == text);
  }
  // Than what is packed as a whole; what packs badly is where that ends, and at both ends.
  const std::string longer = text + std::string((16 << 20) - 3 * text.size() / 2, 'x') + text +
                             std::string(1000, 'y') + text;
  const std::string streamed = pack(longer, Compression::kGzip, 300'000, true);
  CHECK(streamed == pack(longer, Compression::kGzip, longer.size()));
  CHECK(gunzip(streamed, longer.size()) == longer);
  const std::string zstd = pack(text, Compression::kZstd, 777);
  CHECK(zstd == pack(text, Compression::kZstd, 400'000));
  std::string unpacked(text.size(), '\0');
  CHECK(ZSTD_decompress(unpacked.data(), unpacked.size(), zstd.data(), zstd.size()) == text.size());
  CHECK(unpacked == text);
}

TEST_CASE("gzip is handed on as it comes, unless it is to be packed as a whole") {
  const std::string text = long_text();
  for (const bool whole : {false, true}) {
    std::string packed;
    const auto out = Output::into(packed, Compression::kGzip, whole);
    out->write(text);
    CHECK((packed.size() < text.size() / 4) == whole);  // digits pack to half of their size
    REQUIRE(out->finish());
    CHECK(gunzip(packed, text.size()) == text);
  }
}

TEST_CASE("nothing at all packs to a sound file") {
  CHECK(pack("", Compression::kNone, 1).empty());
  CHECK(gunzip(pack("", Compression::kGzip, 1, true), 1)[0] == '\0');
  CHECK(gunzip(pack("", Compression::kGzip, 1), 1)[0] == '\0');
  const std::string zstd = pack("", Compression::kZstd, 1);
  CHECK(ZSTD_decompress(nullptr, 0, zstd.data(), zstd.size()) == 0);
}

TEST_CASE("a failure stays, and finish tells it") {
  auto out = Output::open("/dev/full", {});
  REQUIRE(out);
  for (int i = 0; i < 10; ++i) (*out)->write(std::string(100'000, 'x'));
  CHECK_FALSE((*out)->status());
  const auto status = (*out)->finish();
  REQUIRE_FALSE(status);
  CHECK(status.error().hint == "the disk is full");
  CHECK_FALSE((*out)->finish());
}

TEST_CASE("what is sealed has all its bytes, and its name when it is finished") {
  std::string packed;
  const auto out = Output::into(packed, Compression::kGzip);
  out->write("whole");
  REQUIRE(out->seal());
  CHECK(gunzip(packed, 5) == "whole");
  REQUIRE(out->seal());
  REQUIRE(out->finish());
  CHECK(gunzip(packed, 5) == "whole");
}

TEST_CASE("an output that is dropped leaves no file, one that is finished does") {
  const std::string path =
      (std::filesystem::temp_directory_path() / ("oc-output-" + std::to_string(getpid()))).string();
  { (*Output::open(path, {}))->write("half"); }
  CHECK_FALSE(std::filesystem::exists(path));
  auto out = Output::open(path, {.compression = Compression::kGzip});
  REQUIRE(out);
  (*out)->write("whole");
  REQUIRE((*out)->finish());
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  CHECK(gunzip(text.str(), 5) == "whole");
  std::filesystem::remove(path);
}
