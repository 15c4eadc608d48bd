/// Makes a large perf.data of a recorded one: its records again and again, each time later.
///
///     repeat_trace IN OUT BYTES
///
///     in:   header | attrs … | r r ROUND r r ROUND … | features
///     out:  header | attrs … | the records | the same, all times + step | + 2 step … | features
///
/// The step is the span of the trace and a millisecond, so times rise over all copies and rounds stay what
/// they were. Records without a time stay without. The header's size, the places of the features and the
/// time of the last sample are those of the new file. Streams: memory does not grow with BYTES.
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "source/perf_data_file.h"
#include "source/record.h"

using namespace oc::source;
using oc::base::load;
using oc::base::Nanos;

namespace {

constexpr size_t kDataSizeAt = 48;
constexpr size_t kFeatureBitsAt = 72;
constexpr int kSampleTime = 21;
constexpr Nanos kGap = 1'000'000;

/// Where the time of each record lies, from the beginning of the records.
struct Times {
  std::vector<uint32_t> places;
  Nanos first = ~0ull;
  Nanos last = 0;
};

void store(std::vector<uint8_t>& bytes, size_t at, uint64_t value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

/// The offset of the time in a record; 0: it has none.
uint32_t time_place(const RecordClock& clock, const uint8_t* record, const RecordHeader& header) {
  if (header.type >= kFirstUserType || clock.time(record, header) == 0) return 0;
  const auto& events = clock.events();
  if (header.type == PERF_RECORD_SAMPLE)
    return events[clock.kind_of_sample(record, header.size_bytes)].layout.time;
  const auto& layout = events[clock.kind_of_trailer(record, header.size_bytes)].layout;
  return header.size_bytes - layout.trailer_size + layout.trailer_time;
}

Times find_times(const PerfDataFile& file) {
  const RecordClock clock(file.events());
  Times times;
  const auto records = file.records();
  for (uint64_t at = 0; at + sizeof(RecordHeader) <= records.size();) {
    const RecordHeader header = record_header(records.data() + at);
    if (header.size_bytes < sizeof header || header.size_bytes > records.size() - at) break;
    if (const uint32_t place = time_place(clock, records.data() + at, header); place != 0) {
      times.places.push_back(static_cast<uint32_t>(at + place));
      const auto time = load<Nanos>(records.data() + at + place);
      times.first = std::min(times.first, time);
      times.last = std::max(times.last, time);
    }
    at += header.size_bytes;
  }
  return times;
}

/// What lies behind the records, for a file whose records are `moved` bytes longer.
std::vector<uint8_t> moved_tail(const PerfDataFile& file, uint64_t moved, Nanos later) {
  const auto all = file.mapping().bytes();
  const uint64_t begin = file.records_offset() + file.records().size();
  std::vector<uint8_t> tail(all.begin() + static_cast<ptrdiff_t>(begin), all.end());
  size_t index = 0;
  for (int feature = 0; feature < 256; ++feature) {
    const auto bits = load<uint64_t>(all.data() + kFeatureBitsAt + 8 * (feature / 64));
    if ((bits >> feature % 64 & 1) == 0) continue;
    const auto offset = load<uint64_t>(tail.data() + 16 * index);
    if (feature == kSampleTime && file.facts().last_sample != 0)
      store(tail, offset - begin + 8, file.facts().last_sample + later);
    store(tail, 16 * index++, offset + moved);
  }
  return tail;
}

bool write(std::FILE* out, const std::vector<uint8_t>& bytes) {
  return std::fwrite(bytes.data(), 1, bytes.size(), out) == bytes.size();
}

bool repeat(const PerfDataFile& file, std::FILE* out, uint64_t wanted_bytes) {
  const auto all = file.mapping().bytes();
  const auto records = file.records();
  const uint64_t copies = (wanted_bytes + records.size() - 1) / records.size();
  const Times times = find_times(file);
  const Nanos step = times.last - times.first + kGap;
  std::vector<uint8_t> head(all.begin(),
                            all.begin() + static_cast<ptrdiff_t>(file.records_offset()));
  store(head, kDataSizeAt, copies * records.size());
  bool is_good = write(out, head);
  std::vector<uint8_t> copy(records.begin(), records.end());
  for (uint64_t i = 0; i < copies && is_good; ++i) {
    is_good = write(out, copy);
    for (const uint32_t place : times.places)
      store(copy, place, load<Nanos>(copy.data() + place) + step);
  }
  std::printf("%llu copies, %.3f s each\n", static_cast<unsigned long long>(copies),
              static_cast<double>(step) / 1e9);
  return is_good &&
         write(out, moved_tail(file, (copies - 1) * records.size(), (copies - 1) * step));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return std::fputs("usage: repeat_trace IN OUT BYTES\n", stderr), 2;
  auto file = PerfDataFile::open(argv[1]);
  if (!file) return std::fprintf(stderr, "%s\n", file.error().what.c_str()), 1;
  if (file->records().empty() || file->records().size() > UINT32_MAX || file->is_truncated())
    return std::fputs("the trace is empty, larger than 4 GiB, or cut off\n", stderr), 1;
  std::FILE* const out = std::fopen(argv[2], "wb");
  if (out == nullptr) return std::perror(argv[2]), 1;
  const bool is_good = repeat(*file, out, std::strtoull(argv[3], nullptr, 10));
  if (std::fclose(out) != 0 || !is_good) return std::perror(argv[2]), 1;
  return 0;
}
