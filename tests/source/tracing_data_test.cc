#include "source/tracing_data.h"

#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "support/corpus.h"

using oc::source::parse_tracing_data;
using oc::source::TracingData;

namespace {

/// Writes a blob part by part, in either byte order.
struct BlobWriter {
  std::string bytes;
  bool is_big = false;

  template <typename T>
  BlobWriter& put(T value) {
    char raw[sizeof value];
    std::memcpy(raw, &value, sizeof value);
    if (is_big) std::reverse(raw, raw + sizeof value);
    bytes.append(raw, sizeof value);
    return *this;
  }
  BlobWriter& raw(std::string_view text) {
    bytes += text;
    return *this;
  }
  BlobWriter& c_string(std::string_view text) {
    raw(text).bytes += '\0';
    return *this;
  }
  BlobWriter& sized(std::string_view text) { return put<uint64_t>(text.size()).raw(text); }
};

std::string format_text(const std::string& name, uint32_t id) {
  return "name: " + name + "\nID: " + std::to_string(id) +
         "\nformat:\n\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\n"
         "\tfield:unsigned long ip;\toffset:8;\tsize:8;\tsigned:0;\n\nprint fmt: \"%lx\", "
         "REC->ip\n";
}

std::string blob(const char* version = "0.6", bool is_big = false) {
  BlobWriter out;
  out.is_big = is_big;
  out.raw("\x17\x08\x44tracing").c_string(version);
  out.put<uint8_t>(is_big).put<uint8_t>(8).put<uint32_t>(4096);
  out.c_string("header_page").sized("\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n");
  out.c_string("header_event").sized("# compressed entry header\n");
  out.put<uint32_t>(1).sized(format_text("function", 1));
  out.put<uint32_t>(2);
  out.c_string("sched").put<uint32_t>(2);
  out.sized(format_text("sched_switch", 372)).sized(format_text("sched_wakeup", 371));
  out.c_string("irq").put<uint32_t>(1).sized(format_text("softirq_entry", 65));
  out.put<uint32_t>(8).raw("kallsyms").put<uint32_t>(6).raw("printk");
  if (std::string_view(version) >= "0.6") out.sized("1 init\n");
  return out.bytes;
}

std::span<const uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

TracingData parse(const std::string& text) {
  auto data = parse_tracing_data(bytes_of(text));
  REQUIRE(data);
  return *data;
}

template <typename T>
T number_at(const std::string& file, size_t at) {
  REQUIRE(at + sizeof(T) <= file.size());
  T value;
  std::memcpy(&value, file.data() + at, sizeof value);
  return value;
}

/// The TRACING_DATA section of a perf.data file: feature 1, so its entry is behind those below it.
std::string tracing_section(const std::string& file) {
  REQUIRE(file.substr(0, 8) == "PERFILE2");
  const auto data_end = number_at<uint64_t>(file, 40) + number_at<uint64_t>(file, 48);
  const auto features = number_at<uint64_t>(file, 72);
  REQUIRE((features & 2) != 0);
  const size_t entry = data_end + 16 * (features & 1);
  return file.substr(number_at<uint64_t>(file, entry), number_at<uint64_t>(file, entry + 8));
}

/// simpleperf puts the blob into a record of its data section, behind its size in 4 bytes.
std::string simpleperf_blob(const std::string& file) {
  const size_t at = file.find("\x17\x08\x44tracing");
  REQUIRE(at != std::string::npos);
  return file.substr(at, number_at<uint32_t>(file, at - 4));
}

}  // namespace

TEST_CASE("every part of a blob is found") {
  const std::string text = blob();
  const TracingData data = parse(text);
  CHECK(data.version == "0.6");
  CHECK(data.long_size == 8);
  CHECK(data.page_size == 4096);
  CHECK_FALSE(data.is_big_endian);
  CHECK(data.notes.empty());
  REQUIRE(data.formats.size() == 4);
  CHECK(data.formats[0].system == "ftrace");
  CHECK(data.formats[0].name == "function");
  CHECK(data.kallsyms == "kallsyms");
  CHECK(data.printk_formats == "printk");
  CHECK(data.saved_cmdlines == "1 init\n");
}

TEST_CASE("a format is found by its id and parsed on request") {
  const std::string text = blob();
  const TracingData data = parse(text);
  REQUIRE(data.find(372) != nullptr);
  CHECK(data.find(372)->name == "sched_switch");
  CHECK(data.find("irq", "softirq_entry")->id == 65);
  CHECK(data.find("sched", "softirq_entry") == nullptr);
  const auto format = data.load_format(371);
  REQUIRE(format);
  CHECK(format->system == "sched");
  CHECK(format->name == "sched_wakeup");
  CHECK(format->find("ip")->is_hex);
  CHECK(data.find(70) == nullptr);
  CHECK_THAT(data.load_format(70).error().what, Catch::Contains("id 70"));
}

TEST_CASE("version 0.5 has no saved cmdlines") {
  const TracingData data = parse(blob("0.5"));
  CHECK(data.version == "0.5");
  CHECK(data.notes.empty());
  CHECK(data.formats.size() == 4);
  CHECK(data.saved_cmdlines.empty());
}

TEST_CASE("a big-endian machine's blob is read too") {
  const std::string text = blob("0.6", true);
  const TracingData data = parse(text);
  CHECK(data.is_big_endian);
  CHECK(data.notes.empty());
  CHECK(data.page_size == 4096);
  CHECK(data.formats.size() == 4);
  CHECK(data.saved_cmdlines == "1 init\n");
}

TEST_CASE("the kernel's long size comes from header_page, not from the size of perf's own long") {
  std::string text = blob();
  const auto at = text.find("size:8");
  text.replace(at, 6, "size:4");
  CHECK(parse(text).long_size == 4);
}

TEST_CASE("a wrong magic is an error") {
  CHECK_FALSE(parse_tracing_data({}));
  std::string text = blob();
  text[2] = 'E';
  CHECK_FALSE(parse_tracing_data(bytes_of(text)));
}

TEST_CASE("a blob cut anywhere yields what came before and says where it ends") {
  const std::string text = blob();
  size_t formats = 0;
  for (size_t size = 10; size < text.size(); ++size) {
    INFO(size);
    const std::string cut = text.substr(0, size);
    const TracingData data = parse(cut);
    CHECK(data.notes.size() == 1);
    CHECK(data.formats.size() >= formats);
    formats = data.formats.size();
  }
  CHECK(formats == 4);
}

TEST_CASE("hostile sizes and counts end the reading with a note") {
  const std::string text = blob();
  const auto broken = [&](size_t at, uint8_t value, size_t count) {
    std::string copy = text;
    std::fill_n(copy.begin() + static_cast<long>(at), count, static_cast<char>(value));
    return copy;
  };
  const size_t size_at = text.find("header_page") + 12;
  const std::string huge = broken(size_at, 0xff, 8);
  CHECK_THAT(parse(huge).notes.at(0), Catch::Contains("offset " + std::to_string(size_at + 8)));
  const size_t count_at = text.find(std::string("sched\0", 6)) + 6;
  const std::string many = broken(count_at, 0xff, 4);
  const TracingData data = parse(many);
  CHECK(data.formats.size() >= 3);
  CHECK(data.notes.size() >= 1);
  std::string nameless = text;
  nameless.replace(nameless.find("name: sched_switch"), 5, "nome:");
  const TracingData without = parse(nameless);
  CHECK(without.formats.size() == 3);
  CHECK_THAT(without.notes.at(0), Catch::Contains("1 formats"));
}

TEST_CASE("tracing data that perf has just recorded are read") {
  namespace fs = std::filesystem;
  const fs::path path = fs::temp_directory_path() / ("oc_tracing_" + std::to_string(getpid()));
  const std::string command = "perf record -q -a -e sched:sched_switch -e irq:softirq_entry -o " +
                              path.string() + " -- true >" + path.string() + ".log 2>&1";
  const int status = std::system(command.c_str());
  const std::string file = oc::test::read_text(path);
  std::error_code ignored;
  fs::remove(path, ignored);
  fs::remove(path.string() + ".log", ignored);
  if (status != 0 || file.empty()) {
    WARN("skipped: `perf record` of tracepoints does not work here");
    return;
  }
  const std::string section = tracing_section(file);
  const TracingData data = parse(section);
  for (const std::string& note : data.notes) UNSCOPED_INFO(note);
  CHECK(data.notes.empty());
  CHECK(data.long_size == sizeof(long));
  REQUIRE(data.find("sched", "sched_switch") != nullptr);
  CHECK(data.find("irq", "softirq_entry") != nullptr);
  for (const auto& format : data.formats) {
    INFO(format.system << ":" << format.name);
    CHECK(data.load_format(format.id));
  }
  const auto format = data.load_format(data.find("sched", "sched_switch")->id);
  REQUIRE(format);
  CHECK(format->find("prev_comm")->size == 16);
  CHECK(format->find("next_pid")->is_signed);
}

TEST_CASE("tracing data of the corpus are read") {
  struct Expected {
    const char* folder;
    const char* file;
    const char* system;
    const char* name;
  };
  const Expected files[] = {
      {"simpleperf", "testdata/perf_with_tracepoint_event.data", "sched", "sched_switch"},
      {"simpleperf", "testdata/perf_with_tracepoint_event_dynamic_field.data", "kprobes", "myopen"},
      {"perfparser", "probe.data.file", "probe_untitled1", "main"},
  };
  for (const Expected& expected : files) {
    const auto root = oc::test::corpus(expected.folder);
    if (root.empty()) {
      WARN("skipped: no corpus folder " << expected.folder << " (set OC_CORPUS)");
      continue;
    }
    INFO(expected.file);
    const std::string file = oc::test::read_text(root / expected.file);
    const bool is_simpleperf = std::string_view(expected.folder) == "simpleperf";
    const std::string section = is_simpleperf ? simpleperf_blob(file) : tracing_section(file);
    const TracingData data = parse(section);
    for (const std::string& note : data.notes) UNSCOPED_INFO(note);
    CHECK(data.notes.empty());
    REQUIRE_FALSE(data.formats.empty());
    for (const auto& format : data.formats) {
      UNSCOPED_INFO(format.system << ":" << format.name << " " << format.id);
      CHECK(data.load_format(format.id));
    }
    CHECK(data.find(expected.system, expected.name) != nullptr);
  }
}
