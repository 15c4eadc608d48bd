#include "live/live_support.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>

#include "base/bytes.h"

namespace oc::test {

namespace {

class Reader {
 public:
  Reader(const perf::LiveSource& source, Seen& seen) : events_(source.events()), seen_(seen) {}

  void round(perf::LiveSource& source, const source::Round& round) {
    ++seen_.rounds;
    for (const source::Span& span : round.spans) {
      REQUIRE(span.position == positions_[span.stream]);
      for (const uint8_t* at = span.begin; at != span.end;) at += record(at, span.stream);
      positions_[span.stream] += static_cast<uint64_t>(span.end - span.begin);
      source.release(span.stream, positions_[span.stream]);
    }
    horizon_ = std::max(horizon_, round.is_last ? 0 : round.horizon);
  }

 private:
  uint16_t record(const uint8_t* at, uint32_t stream) {
    const auto header = base::load<perf_event_header>(at);
    ++seen_.records[header.type];
    const event::SampleLayout& first = events_[0].layout;
    base::Nanos time = 0;
    if (header.type == PERF_RECORD_SAMPLE) {
      const uint32_t kind = events_.find(base::load<uint64_t>(at + first.identifier));
      REQUIRE(kind != event::EventTable::kUnknown);
      ++seen_.samples[events_[kind].name];
      time = base::load<uint64_t>(at + first.time);
      if (base::load<int32_t>(at + first.tid) == getpid()) ++seen_.own_samples;
    } else {
      const uint8_t* trailer = at + header.size - first.trailer_size;
      time = base::load<uint64_t>(trailer + first.trailer_time);
      CHECK(events_.find(base::load<uint64_t>(trailer + first.trailer_identifier)) !=
            event::EventTable::kUnknown);
      if (header.type == PERF_RECORD_LOST) seen_.lost += base::load<uint64_t>(at + 16);
      if (header.type == PERF_RECORD_COMM) {
        seen_.comms.emplace_back(reinterpret_cast<const char*>(at + 16));
      }
    }
    if (time < horizon_) {
      ++seen_.late;
      seen_.worst_late = std::max(seen_.worst_late, horizon_ - time);
    }
    seen_.last_time[stream] = time;
    seen_.first = std::min(seen_.first, time);
    seen_.last = std::max(seen_.last, time);
    return header.size;
  }

  const event::EventTable& events_;
  Seen& seen_;
  std::map<uint32_t, uint64_t> positions_;
  base::Nanos horizon_ = 0;
};

}  // namespace

base::Nanos now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<base::Nanos>(time.tv_sec) * 1000000000 +
         static_cast<base::Nanos>(time.tv_nsec);
}

double ms_since(base::Nanos since) { return static_cast<double>(now() - since) / 1e6; }

bool perf_works() {
  perf_event_attr attr = perf::make_event_attr(cpu_clock(99), {});
  const int fd = perf::open_perf_event(attr, -1, 0);
  if (fd >= 0) {
    close(fd);
    return true;
  }
  WARN("skipped: this user may not trace the system: " << strerror(-fd));
  return false;
}

std::optional<uint64_t> tracepoint_id(const std::string& system, const std::string& name) {
  const std::string path = "/sys/kernel/tracing/events/" + system + "/" + name + "/id";
  std::ifstream file(path);
  uint64_t id = 0;
  if (file >> id) return id;
  WARN("skipped: cannot read " << path);
  return std::nullopt;
}

perf::EventRequest cpu_clock(uint64_t frequency_hz) {
  perf::EventRequest request;
  request.name = "cpu-clock";
  request.type = PERF_TYPE_SOFTWARE;
  request.config = PERF_COUNT_SW_CPU_CLOCK;
  request.frequency_hz = frequency_hz;
  return request;
}

perf::EventRequest tracepoint(const std::string& system, const std::string& name, uint64_t id) {
  perf::EventRequest request;
  request.name = system + ":" + name;
  request.type = PERF_TYPE_TRACEPOINT;
  request.config = id;
  request.format.emplace();
  request.format->system = system;
  request.format->name = name;
  request.format->id = static_cast<uint32_t>(id);
  return request;
}

Seen read_all(perf::LiveSource& source, int run_ms) {
  Seen seen;
  Reader reader(source, seen);
  const auto started = source.start();
  if (!started) FAIL(started.error().what);
  source::Round round;
  const base::Nanos begin = now();
  do {
    REQUIRE(source.next_round(std::chrono::milliseconds(50), round));
    reader.round(source, round);
    if (run_ms != 0 && ms_since(begin) >= run_ms) source.request_stop();
  } while (!round.is_last);
  REQUIRE(source.next_round(std::chrono::milliseconds(50), round));
  CHECK(round.is_last);
  CHECK(round.spans.empty());
  return seen;
}

}  // namespace oc::test
