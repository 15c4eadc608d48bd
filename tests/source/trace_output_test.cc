// Where a trace is written to: what a name already is, who else wants it, and readers that are slow.

#include "source/trace_output.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <thread>

using oc::source::TraceOutput;
namespace fs = std::filesystem;

namespace {

/// A folder that goes at the end, with all in it.
struct OutputFolder {
  OutputFolder() {
    char name[] = "/tmp/oc-output-XXXXXX";
    path = mkdtemp(name);
  }
  ~OutputFolder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  std::string operator/(const std::string& name) const { return path + "/" + name; }
  std::string path;
};

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void put(TraceOutput& output, const std::string& text) {
  REQUIRE(output.write(std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size())));
}

std::string error_of(const std::string& path) {
  const auto output = TraceOutput::open(path);
  REQUIRE(!output);
  return output.error().what;
}

bool says(const std::string& text, const char* part) {
  UNSCOPED_INFO(text);
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a name whose recording has written nothing yet is taken all the same") {
  const OutputFolder folder;
  auto output = TraceOutput::open(folder / "t.data");
  REQUIRE(output);
  CHECK(says(error_of(folder / "t.data"), "being written by another"));
  put(*output, "whole");
  CHECK(says(error_of(folder / "t.data"), "being written by another"));
  REQUIRE(output->finish());
  CHECK(text_of(folder / "t.data") == "whole");
  CHECK(!fs::exists(folder / "t.data.partial.old"));
}

TEST_CASE("of many that want one name at once, one gets it") {
  const OutputFolder folder;
  constexpr int kThreads = 6;
  for (int round = 0; round < 30; ++round) {
    const std::string path = folder / std::to_string(round);
    if (round % 3 == 1) std::ofstream(path + ".partial") << "left";
    if (round % 3 == 2) std::ofstream(path + ".partial").flush();
    std::atomic<int> ready = 0;
    std::vector<std::optional<TraceOutput>> outputs(kThreads);
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        ++ready;
        while (ready < kThreads) std::this_thread::yield();
        if (auto output = TraceOutput::open(path)) outputs[i] = std::move(*output);
      });
    }
    for (auto& thread : threads) thread.join();
    int winners = 0;
    for (auto& output : outputs) {
      if (!output) continue;
      ++winners;
      put(*output, "mine");
      REQUIRE(output->finish());
    }
    CHECK(winners == 1);
    CHECK(text_of(path) == "mine");
    if (round % 3 == 1) CHECK(text_of(path + ".partial.old") == "left");
  }
}

TEST_CASE("what a killed recording left is kept, or nothing is begun") {
  const OutputFolder folder;
  std::ofstream(folder / "t.data.partial") << "killed";
  {
    auto output = TraceOutput::open(folder / "t.data");
    REQUIRE(output);
    CHECK(text_of(folder / "t.data.partial.old") == "killed");
    output->discard();
  }
  std::ofstream(folder / "u.data.partial") << "killed";
  fs::create_directory(folder / "u.data.partial.old");
  CHECK(says(error_of(folder / "u.data"), "cannot rename"));
  CHECK(text_of(folder / "u.data.partial") == "killed");
}

TEST_CASE("no link is written through") {
  const OutputFolder folder;
  std::ofstream(folder / "victim") << "precious";
  fs::create_symlink(folder / "victim", folder / "t.data.partial");
  CHECK(says(error_of(folder / "t.data"), "symbolic link"));
  fs::create_symlink(folder / "nowhere", folder / "u.data.partial");
  CHECK(says(error_of(folder / "u.data"), "symbolic link"));
  CHECK(!fs::exists(folder / "nowhere"));
  fs::create_hard_link(folder / "victim", folder / "v.data.partial");
  REQUIRE(TraceOutput::open(folder / "v.data"));
  REQUIRE(mkfifo((folder / "w.data.partial").c_str(), 0600) == 0);
  CHECK(says(error_of(folder / "w.data"), "no regular file"));
  for (const char* name : {"victim", "nowhere"}) {
    fs::create_symlink(folder / name, folder / "link");
    auto output = TraceOutput::open(folder / "link");
    REQUIRE(output);
    put(*output, "new");
    REQUIRE(output->finish());
    CHECK(text_of(folder / "link") == "new");
    CHECK(fs::read_symlink(folder / "link.old") == folder / name);
    fs::remove(folder / "link");
  }
  CHECK(text_of(folder / "victim") == "precious");
  CHECK(!fs::exists(folder / "nowhere"));
}

TEST_CASE("character devices are written to, block devices are not") {
  auto null = TraceOutput::open("/dev/null");
  REQUIRE(null);
  CHECK(!null->is_seekable());
  put(*null, "gone");
  const OutputFolder folder;
  // Without the right to make one: any that is there.
  std::string block = folder / "disk";
  if (mknod(block.c_str(), S_IFBLK | 0600, makedev(1, 250)) != 0) {
    block.clear();
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator("/dev", ignored))
      if (entry.is_block_file(ignored)) block = entry.path();
  }
  if (block.empty()) {
    WARN("no block device to try, and none can be made");
    return;
  }
  CHECK(says(error_of(block), "block device"));
}

TEST_CASE("a pipe that does not block is waited for") {
  int ends[2];
  REQUIRE(pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0);
  const int saved = dup(STDOUT_FILENO);
  REQUIRE(dup2(ends[1], STDOUT_FILENO) == STDOUT_FILENO);
  auto output = TraceOutput::open("-");
  dup2(saved, STDOUT_FILENO);
  close(saved);
  close(ends[1]);
  REQUIRE(output);
  std::string sent;
  for (int i = 0; i < 1 << 20; ++i) sent.push_back(static_cast<char>(i * 31 >> 3));
  std::string received;
  std::thread reader([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));  // the pipe is full by then
    std::vector<char> some(10'000);
    for (;;) {
      const ssize_t size = read(ends[0], some.data(), some.size());
      if (size == 0) break;
      if (size > 0) received.append(some.data(), static_cast<size_t>(size));
      if (size < 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  const auto status =
      output->write(std::span(reinterpret_cast<const uint8_t*>(sent.data()), sent.size()));
  output->discard();  // closes it
  reader.join();
  close(ends[0]);
  CHECK(status);
  CHECK(received == sent);
}
