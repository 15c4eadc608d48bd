#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace oc::test {

/// All of a nettrace file, version 6.
struct NettraceFile {
  struct Field {
    std::string name;
    std::vector<uint8_t> type;  ///< as it is encoded, without its size
  };
  struct Kind {
    uint32_t id = 0, number = 0;
    std::string provider, name;
    std::vector<Field> fields;
    std::map<std::string, std::string> facts;
  };
  struct Thread {
    uint64_t index = 0;
    std::string name;
    std::optional<uint64_t> pid, tid;
    std::map<std::string, std::string> facts;
  };
  struct Label {
    uint8_t kind = 0;
    std::string name, text;  ///< ids as hexadecimal digits
    int64_t number = 0;
  };
  struct Value {
    std::string text;
    uint64_t number = 0;
    double real = 0;
  };
  struct Event {
    uint32_t kind = 0, thread = 0;  ///< places in `kinds` and `threads`
    uint32_t cpu = 0;
    int64_t time = 0;
    bool is_sorted = false;
    std::vector<uint64_t> stack;  ///< the innermost first
    std::vector<Label> labels;
    std::map<std::string, Value> values;
  };

  int16_t wall[8] = {};
  int64_t sync_ticks = 0, frequency = 0;
  int32_t pointer_size = 0;
  std::map<std::string, std::string> facts;
  std::vector<Kind> kinds;
  std::vector<Thread> threads;
  std::vector<Event> events;
  uint64_t lost = 0;                   ///< events that sequence numbers miss
  std::map<uint8_t, uint32_t> blocks;  ///< how many of each kind
  size_t largest_block = 0;
  std::map<std::string, uint64_t>
      deviations;  ///< what is not as the specification says, though it can be read

  const Kind& kind_of(const Event& event) const { return kinds[event.kind]; }
  const Thread& thread_of(const Event& event) const { return threads[event.thread]; }
};

/// Reads strictly: each reference must have been told before, each row must end where its size says, text must be where
/// the metadata declares it. Source: microsoft/perfview, src/TraceEvent/EventPipe/NetTraceFormat.md (version 6).
/// Errors: the offset of the block and what is wrong with it.
base::Result<NettraceFile> read_nettrace(std::span<const uint8_t> bytes);

}  // namespace oc::test
