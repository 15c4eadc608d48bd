#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "source/perf_data_file.h"
#include "source/record.h"
#include "support/code_map.h"
#include "unwind/unwinder.h"

namespace oc::test {

/// The rule tables of all files of a trace, opened when they are first mapped.
class RuleTables {
 public:
  /// Null: it cannot be read.
  const unwind::RuleTable* find(const std::string& path);

 private:
  std::map<std::string, std::unique_ptr<unwind::RuleTable>> tables_;
};

/// One sample with registers and stack bytes.
struct RecordedStack {
  int32_t pid = 0;
  int32_t tid = 0;
  uint64_t time = 0;
  unwind::Registers registers;
  std::span<const uint8_t> stack;  ///< in the file
  std::shared_ptr<CodeMap> code;
};

/// All samples of a perf.data file that `perf record --call-graph dwarf` wrote, with what their processes had mapped at
/// that time: the least that a user of the room `unwind` has to do. For tests and the bench.
class RecordedStacks {
 public:
  static base::Result<RecordedStacks> load(const std::string& path);

  std::vector<RecordedStack> stacks;
  uint64_t mappings = 0;

 private:
  struct Place {
    uint64_t time;
    const uint8_t* record;
  };
  explicit RecordedStacks(source::PerfDataFile file)
      : file_(std::make_unique<source::PerfDataFile>(std::move(file))),
        clock_(file_->events()),
        tables_(std::make_unique<RuleTables>()) {}
  std::vector<Place> places() const;
  void read(const Place& place);
  void read_sample(const Place& place);
  void read_mapping(const uint8_t* record);
  std::shared_ptr<CodeMap>& map_of(int32_t pid);

  std::unique_ptr<source::PerfDataFile> file_;
  source::RecordClock clock_;
  std::unique_ptr<RuleTables> tables_;
  std::map<int32_t, std::shared_ptr<CodeMap>> maps_;
  uint32_t epochs_ = 0;
};

}  // namespace oc::test
