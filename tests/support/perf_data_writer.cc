#include "support/perf_data_writer.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "support/record_writer.h"

namespace oc::test {

namespace {

ByteVector attr_bytes_of(const perf_event_attr& attr, uint32_t size) {
  ByteVector out(size);
  std::memcpy(out.data(), &attr, std::min<size_t>(size, sizeof attr));
  return out;
}

}  // namespace

ByteVector three_records() {
  RecordWriter w(plain_attr());
  w.sample({.time = 1, .id = 1}).sample({.time = 2, .id = 1}).sample({.time = 3, .id = 1});
  return w.bytes;
}

PerfDataWriter small_file() { return PerfDataWriter(plain_attr(), three_records()); }

ByteVector PerfDataWriter::bytes() const {
  const uint64_t stride = attr_bytes + 16;
  const uint64_t attrs_at = header_size;
  uint64_t ids_at = attrs_at + attrs.size() * stride;
  ByteWriter entries, ids;
  for (const Attr& attr : attrs) {
    entries.add(attr_bytes_of(attr.attr, attr_bytes));
    entries.u64(ids_at + ids.bytes.size()).u64(attr.ids.size() * 8);
    for (const uint64_t id : attr.ids) ids.u64(id);
  }
  const uint64_t data_at = ids_at + ids.bytes.size();
  ByteWriter out;
  out.text(magic).u64(header_size).u64(stride);
  out.u64(attrs_at).u64(entries.bytes.size());
  out.u64(data_at).u64(is_finished ? records.size() : 0).u64(0).u64(0);
  std::array<uint64_t, 4> bits{};
  if (is_finished) {
    for (const auto& [number, section] : features)
      bits[static_cast<size_t>(number) / 64] |= 1ull << (number % 64);
  }
  for (const uint64_t word : bits) out.u64(word);
  out.bytes.resize(header_size);
  out.add(entries.bytes).add(ids.bytes).add(records);
  if (!is_finished) return out.bytes;
  uint64_t at = out.bytes.size() + features.size() * 16;
  for (const auto& [number, section] : features) {
    out.u64(at).u64(section.size());
    at += section.size();
  }
  for (const auto& [number, section] : features) out.add(section);
  return out.bytes;
}

ByteVector perf_string(std::string_view text) {
  const size_t size = (text.size() + 1 + 63) / 64 * 64;
  ByteWriter out;
  out.u32(size).text(text);
  out.bytes.resize(4 + size);
  return out.bytes;
}

ByteVector event_description(const std::vector<PerfDataWriter::Attr>& attrs,
                             const std::vector<std::string>& names) {
  constexpr uint32_t kAttrBytes = 112;
  ByteWriter out;
  out.u32(attrs.size()).u32(kAttrBytes);
  for (size_t i = 0; i < attrs.size(); ++i) {
    out.add(attr_bytes_of(attrs[i].attr, kAttrBytes)).u32(attrs[i].ids.size());
    out.add(perf_string(names[i]));
    for (const uint64_t id : attrs[i].ids) out.u64(id);
  }
  return out.bytes;
}

ByteVector tracing_data(const std::vector<std::string>& formats) {
  ByteWriter out;
  out.text("\x17\x08\x44tracing").text("0.6").put<uint8_t>(0);
  out.put<uint8_t>(0).put<uint8_t>(8).u32(4096);
  out.text("header_page").put<uint8_t>(0).u64(0);
  out.text("header_event").put<uint8_t>(0).u64(0);
  out.u32(0);  // formats of ftrace itself
  out.u32(1).text("sys").put<uint8_t>(0).u32(formats.size());
  for (const std::string& text : formats) out.u64(text.size()).text(text);
  out.u32(0).u32(0).u64(0);  // kallsyms, printk formats, saved cmdlines
  return out.bytes;
}

std::string format_text(std::string_view name, uint32_t id) {
  return "name: " + std::string(name) + "\nID: " + std::to_string(id) +
         "\nformat:\n"
         "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
         "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
         "\tfield:u64 value;\toffset:8;\tsize:8;\tsigned:0;\n"
         "\tfield:char name[8];\toffset:16;\tsize:8;\tsigned:0;\n\n"
         "print fmt: \"value=%llu\", REC->value\n";
}

TempFile::TempFile(const ByteVector& bytes)
    : path_((std::filesystem::temp_directory_path() / "oc_test_XXXXXX").string()) {
  const int fd = mkstemp(path_.data());
  if (fd < 0) throw std::runtime_error("cannot make " + path_);
  close(fd);
  std::ofstream file(path_, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

TempFile::~TempFile() { unlink(path_.c_str()); }

}  // namespace oc::test
