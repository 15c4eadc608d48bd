// Folds the user stacks of a recording that has registers and stack bytes, as `oc record` does while it records:
// fold_trace IN OUT. The records are handed over in rounds, so that what lies between them is tested, too.

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "session/folded_sample.h"
#include "session/stack_folder.h"
#include "session/trace_file.h"
#include "source/perf_data_file.h"

using oc::source::record_header;
using oc::source::Span;

namespace {

constexpr size_t kRounds = 7;

template <typename T>
T must(oc::base::Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "%s\n", result.error().what.c_str());
  std::exit(1);
}

void must(const oc::base::Status& status) {
  if (status) return;
  std::fprintf(stderr, "%s\n", status.error().what.c_str());
  std::exit(1);
}

struct Record {
  oc::base::Nanos time = 0;
  const uint8_t* bytes = nullptr;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const auto file = must(oc::source::PerfDataFile::open(argv[1]));
  const auto& events = file.events();
  const oc::source::RecordClock clock(events);
  std::vector<Record> records;
  const auto bytes = file.records();
  for (size_t at = 0; bytes.size() - at >= 8;) {
    const auto header = record_header(bytes.data() + at);
    if (header.size_bytes < 8 || header.size_bytes > bytes.size() - at) break;
    if (header.type < oc::source::kFirstUserType)
      records.push_back({clock.time(bytes.data() + at, header), bytes.data() + at});
    at += header.size_bytes;
  }
  std::stable_sort(records.begin(), records.end(),
                   [](const Record& a, const Record& b) { return a.time < b.time; });

  oc::perf::Rundown files(0, {});
  oc::session::StackFolder folder(events, files, events[0].layout.trailer_size);
  oc::session::TraceBeginning beginning;
  beginning.most_round_bytes = bytes.size() + 1;
  auto out =
      must(oc::session::TraceFile::begin(must(oc::source::TraceOutput::open(argv[2])), beginning,
                                         events, oc::session::make_folded_events(events)));
  const size_t each = records.size() / kRounds + 1;
  for (size_t first = 0; first < records.size(); first += each) {
    const size_t end = std::min(records.size(), first + each);
    std::vector<uint8_t> parts[2];  // samples; all others, which partly wait for the next round
    for (size_t i = first; i < end; ++i) {
      const auto header = record_header(records[i].bytes);
      auto& part = parts[header.type == PERF_RECORD_SAMPLE ? 0 : 1];
      part.insert(part.end(), records[i].bytes, records[i].bytes + header.size_bytes);
    }
    std::vector<Span> spans(2);
    for (uint32_t i = 0; i < 2; ++i) {
      spans[i].begin = parts[i].data();
      spans[i].end = spans[i].begin + parts[i].size();
      spans[i].stream = i;
    }
    const bool is_last = end == records.size();
    folder.fold(
        spans, [](uint32_t stream) { return stream == 1; },
        is_last ? UINT64_MAX : records[end - 1].time / 2);
    must(out->append(spans, false));
  }
  must(out->finish({}));
  std::printf("%llu stacks, %llu frames\n", static_cast<unsigned long long>(folder.counts().stacks),
              static_cast<unsigned long long>(folder.counts().frames));
  for (const std::string& note : folder.counts().describe()) std::printf("%s\n", note.c_str());
  return 0;
}
