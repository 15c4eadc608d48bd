#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "machine/pair_table.h"
#include "machine/selection.h"

namespace oc::machine {

/// By what samples are grouped.
struct GroupBy {
  enum class What : uint8_t {
    kKind,
    kProcess,  ///< a process in one of its lives
    kThread,
    kComm,  ///< name of the thread at that moment
    kCpu,
    kSymbol,    ///< of the innermost frame the function whose code it is, as perf has it
    kFunction,  ///< the same, or the function that was inlined there
    kModule,    ///< of the innermost frame
    kLine,      ///< file:line of the innermost frame
    kStack,     ///< the names of all functions
    kCgroup,
    kTime,       ///< stretches of `width` ns
    kAttribute,  ///< value of the attribute `name`
    kGiven,      ///< groups that the caller gives by sample
  };
  What what = What::kComm;
  int64_t width = 0;                     ///< of kTime
  std::string name;                      ///< of kAttribute
  std::vector<uint32_t> given;           ///< of kGiven: by sample from the machine's first on
  std::vector<std::string> given_texts;  ///< what these mean
};
/// "symbol", "comm" …, "attribute:NAME"; of "time" the width is the caller's to set. Errors: no such group, with the nearest.
base::Result<GroupBy> parse_group_by(std::string_view text);
/// The name of a group, but for attributes; empty behind the last one.
std::string_view group_name_at(size_t index);

/// What came of the samples of one group.
struct Row {
  std::vector<uint32_t> keys;  ///< one for each GroupBy; `Query::text` says what they mean
  uint64_t count = 0;          ///< samples: what those of the table stand for
  double sum = 0;              ///< of their values
  double min = 0, max = 0;     ///< of what stands for several the mean
  double squares = 0;          ///< sum of their squares
  uint32_t group = 0;          ///< the query's own number
};

/// A table: samples of a selection by groups, in descending order of value or count, ties by their texts.
///
///     sample ── column ── by id ──> key of group 1 ─┐
///            ── column ── by id ──> key of group 2 ─┴─ PairTable ──> … ──> row: count, sum, min, max
///
/// What an id means for a group is found once for each distinct id; per sample a look-up in an array remains for each
/// group, and one in a hash table for each further one. One thread.
class Query {
 public:
  enum class Order : uint8_t { kSum, kCount };

  /// No groups: one row of all.
  Query(const Selection& selection, std::vector<GroupBy> groups);
  Query(Selection&& gone, std::vector<GroupBy> groups) = delete;

  void run(Order order = Order::kSum);
  const std::vector<Row>& rows() const { return rows_; }
  uint64_t total_count() const { return total_count_; }
  double total_sum() const { return total_sum_; }
  double total_squares() const { return total_squares_; }
  /// A key of that group as a person reads it.
  std::string text(uint32_t group, uint32_t key) const;
  /// What the key is an id of: ProcessId, ThreadId, StackRef, FunctionId, the beginning in ns of a stretch of time ….
  double number(uint32_t group, uint32_t key) const;
  /// The values of each row's samples at these shares (0 to 1) of them in ascending order (the nearest rank): exact, 8
  /// bytes a sample meanwhile. After run().
  std::vector<std::vector<double>> quantiles(const std::vector<double>& shares) const;
  /// How many values of each row's samples lie below 1 and then in [2^(i-1), 2^i). After run().
  std::vector<std::vector<uint64_t>> histograms() const;

 private:
  /// A group as the loop sees it.
  struct Dimension {
    GroupBy by;
    std::vector<uint32_t> keys;  ///< by id of the column
    int64_t origin = 0;          ///< of kTime
  };

  Dimension make_dimension(GroupBy by) const;
  void fill_stack_keys(Dimension& dimension) const;
  void fill_shown_stacks(Dimension& dimension) const;
  void fill_attribute_keys(Dimension& dimension) const;
  void keys_of(const Dimension& dimension, const SampleTable::Chunk& chunk, uint64_t first,
               std::span<const uint16_t> places, uint32_t* out) const;
  template <typename Visit>
  void for_each_group(Visit visit);
  std::vector<uint32_t> unfold(uint32_t group) const;
  void sort(Order order);

  const Selection* selection_;
  Machine* machine_;
  std::vector<Dimension> dimensions_;
  PairTable stretches_;           ///< of time, where that is the first group
  std::vector<PairTable> folds_;  ///< of the key so far and that of the next group
  std::vector<uint32_t> row_of_group_;
  std::vector<Row> rows_;
  uint64_t total_count_ = 0;
  double total_sum_ = 0;
  double total_squares_ = 0;
};

}  // namespace oc::machine
