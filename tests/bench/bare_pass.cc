/// The least that any reader of a perf.data file must do: map it and step from record to record.
///
///     header: magic(8) size(8) attr_size(8) attrs{offset, size}(16) data{offset, size}(16) ...
///     data:   | type(4) misc(2) size(2) | first word(8) ... | next record ...
///
/// It adds up sizes and first words, so that no record goes untouched, and prints what it saw; lost
/// events are read from LOST records for live_storm.py. It shares no code with oc on purpose.
/// Source of the layout: tools/perf/Documentation/perf.data-file-format.txt.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cstdint>
#include <cstdio>
#include <cstring>

namespace {

constexpr uint32_t kLost = 2;    // PERF_RECORD_LOST: u64 id, u64 lost
constexpr uint32_t kSample = 9;  // PERF_RECORD_SAMPLE
constexpr size_t kHeaderEnd = 56;

uint64_t word(const uint8_t* p) {
  uint64_t value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

int pass(const uint8_t* file, uint64_t file_size) {
  const uint64_t begin = word(file + 40);
  const uint64_t size = word(file + 48);
  if (begin > file_size || size > file_size - begin) return std::fputs("truncated\n", stderr), 1;
  const uint8_t* at = file + begin;
  const uint8_t* end = at + size;
  uint64_t records = 0, samples = 0, bytes = 0, sum = 0, lost = 0;
  while (end - at >= 16) {
    const uint64_t header = word(at);
    const auto type = static_cast<uint32_t>(header);
    const uint64_t record_size = header >> 48;
    if (record_size < 8 || record_size > static_cast<uint64_t>(end - at)) break;
    ++records;
    samples += type == kSample;
    bytes += record_size;
    sum += word(at + 8);
    if (type == kLost && record_size >= 24) lost += word(at + 16);
    at += record_size;
  }
  std::printf("records %lu samples %lu bytes %lu lost %lu sum %016lx\n", records, samples, bytes,
              lost, sum);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const int fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
  struct stat info {};
  if (fd < 0 || fstat(fd, &info) != 0) return std::fputs("usage: bare_pass FILE\n", stderr), 2;
  const auto size = static_cast<size_t>(info.st_size);
  void* file = mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
  if (file == MAP_FAILED || size < kHeaderEnd || std::memcmp(file, "PERFILE2", 8) != 0) {
    return std::fputs("not a perf.data file in file mode\n", stderr), 1;
  }
  return pass(static_cast<const uint8_t*>(file), size);
}
