#include "format/report_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <tuple>
#include <unordered_map>

#include "format/escapes.h"
#include "format/frame_texts.h"
#include "format/measure.h"
#include "machine/pair_table.h"

namespace oc::format {

namespace {

using Row = ReportData::Row;

constexpr size_t kMostReportName = 2000;

/// Small numbers for the ids that are there, in the order in which they are met.
class Numbers {
 public:
  uint32_t of(uint32_t id) {
    if (id >= known_.size()) known_.resize(std::max<size_t>(id + 1, known_.size() * 2), 0);
    if (known_[id] == 0) {
      ids_.push_back(id);
      known_[id] = static_cast<uint32_t>(ids_.size());
    }
    return known_[id] - 1;
  }
  const std::vector<uint32_t>& ids() const { return ids_; }

 private:
  std::vector<uint32_t> known_, ids_;
};

/// Stacks as paths in one tree.
class Tree {
 public:
  Tree(machine::Machine& machine, bool inlined, ReportData& data)
      : machine_(machine), inlined_(inlined), data_(data), node_of_(machine.stack_indexes(), 0) {
    data.nodes.emplace_back();
    data.functions.push_back({"all", ""});
  }

  /// The node of its innermost frame; of no frames the root.
  uint32_t node_of(machine::StackRef ref) {
    const uint32_t index = machine_.stack_index(ref);
    if (ref == 0 || index >= node_of_.size()) return 0;
    if (node_of_[index] == 0) node_of_[index] = add(ref);
    return node_of_[index];
  }

 private:
  uint32_t add(machine::StackRef ref) {
    const auto stack = read_stack(machine_, ref, inlined_, frames_);
    uint32_t node = 0;
    for (size_t i = stack.size(); i-- > 0;) {
      const uint32_t function = functions_.of(stack[i].function.value) + 1;
      if (function == data_.functions.size()) {
        const machine::Function& known = machine_.places.function(stack[i].function);
        data_.functions.push_back({shorten(machine_.text(known.name), kMostReportName),
                                   shorten(machine_.text(known.module), kMostReportName)});
      }
      const uint32_t child =
          children_.intern(node, function * 2 + (stack[i].is_inlined ? 1 : 0)) + 1;
      if (child == data_.nodes.size()) {
        const auto kind =
            kind_of(machine_, machine_.places.function(stack[i].function), stack[i].is_inlined);
        data_.nodes.push_back({node, function, kind});
      }
      node = child;
    }
    return node;
  }

  machine::Machine& machine_;
  bool inlined_;
  ReportData& data_;
  std::vector<uint32_t> node_of_;  ///< by Machine::stack_index
  machine::PairTable children_;
  Numbers functions_;
  std::vector<FrameText> frames_;
};

auto columns(const Row& row) { return std::tie(row.bin, row.thread, row.cpu, row.kind, row.node); }

/// In order, those that are alike as one.
void merge(std::vector<Row>& rows) {
  std::sort(rows.begin(), rows.end(),
            [](const Row& a, const Row& b) { return columns(a) < columns(b); });
  size_t kept = 0;
  for (const Row& row : rows) {
    if (kept != 0 && columns(rows[kept - 1]) == columns(row)) {
      rows[kept - 1].count += row.count;
      rows[kept - 1].sum += row.sum;
    } else {
      rows[kept++] = row;
    }
  }
  rows.resize(kept);
}

/// Rows of samples that are alike; in no order yet.
void collect(const Export& what, const ReportLimits& limits, ReportData& data) {
  int64_t first = INT64_MAX, last = INT64_MIN;
  what.selection.for_each([&](const machine::Sample& sample, uint64_t) {
    first = std::min(first, sample.time);
    last = std::max(last, sample.time);
  });
  if (first > last) return;
  const uint64_t span = static_cast<uint64_t>(last) - static_cast<uint64_t>(first) + 1;
  data.start = first;
  data.bin_ns = static_cast<int64_t>((span - 1) / limits.most_bins + 1);
  data.bins = static_cast<uint32_t>((span - 1) / static_cast<uint64_t>(data.bin_ns) + 1);

  Tree tree(what.machine, what.inlined, data);
  Numbers threads, kinds;
  machine::PairTable when, where, both;
  what.selection.for_each([&](const machine::Sample& sample, uint64_t) {
    Row row;
    row.bin =
        static_cast<uint32_t>((static_cast<uint64_t>(sample.time) - static_cast<uint64_t>(first)) /
                              static_cast<uint64_t>(data.bin_ns));
    row.thread = threads.of(
        sample.context ? what.machine.processes.context(sample.context).thread.value : 0);
    row.cpu = sample.cpu == machine::kNoCpu ? 0 : sample.cpu + 1u;
    row.kind = kinds.of(sample.kind.value);
    row.node = tree.node_of(sample.stack);
    const uint32_t id = both.intern(when.intern(row.bin, row.thread),
                                    where.intern(row.cpu << 16 | row.kind, row.node));
    if (id == data.rows.size()) data.rows.push_back(row);
    data.rows[id].count += sample.weight;
    data.rows[id].sum += sample.value;
  });
  for (const uint32_t id : threads.ids()) data.threads.push_back({id});
  for (const uint32_t id : kinds.ids()) data.kinds.push_back({id});
}

/// How many samples each node and its callees have.
std::vector<uint64_t> totals_of(const ReportData& data) {
  std::vector<uint64_t> totals(data.nodes.size(), 0);
  for (const Row& row : data.rows) totals[row.node] += row.count;
  for (size_t i = totals.size(); i-- > 1;) totals[data.nodes[i].parent] += totals[i];
  return totals;
}

/// Leaves about as many nodes; others become "(rare frames)" of their nearest caller that is left. Those that become so have
/// no more samples each than what is returned.
uint64_t thin_nodes(ReportData& data, size_t most) {
  std::vector<uint64_t> totals = totals_of(data);
  std::vector<uint64_t> order = totals;
  std::nth_element(order.begin(), order.begin() + static_cast<ptrdiff_t>(most), order.end(),
                   std::greater<>());
  const uint64_t limit = order[most];
  constexpr std::string_view kRare = "(rare frames)";
  if (data.functions.back().name != kRare) data.functions.push_back({std::string(kRare), ""});
  const auto rare = static_cast<uint32_t>(data.functions.size() - 1);
  std::vector<ReportData::Node> nodes{data.nodes[0]};
  std::vector<uint32_t> now(totals.size(), 0), rare_of(1, 0);
  std::vector<uint8_t> is_left(totals.size(), 0);
  is_left[0] = 1;
  for (uint32_t i = 1; i < totals.size(); ++i) {
    const ReportData::Node& node = data.nodes[i];
    is_left[i] = totals[i] > limit && is_left[node.parent] ? 1 : 0;
    if (is_left[i] == 0) {
      if (is_left[node.parent] == 0) {
        now[i] = now[node.parent];
        continue;
      }
      uint32_t& known = rare_of[now[node.parent]];
      if (known == 0) {
        known = static_cast<uint32_t>(nodes.size());
        nodes.push_back({now[node.parent], rare, FrameKind::kUnknown});
      }
      now[i] = known;
    } else {
      now[i] = static_cast<uint32_t>(nodes.size());
      nodes.push_back({now[node.parent], node.function, node.kind});
    }
    rare_of.resize(nodes.size(), 0);
  }
  for (Row& row : data.rows) row.node = now[row.node];
  data.nodes = std::move(nodes);
  return limit;
}

void thin_time(ReportData& data) {
  for (Row& row : data.rows) row.bin /= 4;
  data.bins = (data.bins + 3) / 4;
  data.bin_ns *= 4;
}

}  // namespace

namespace {

/// Makes rows fewer, what is missed least first; each step is as small as it can be.
void thin(ReportData& data, const ReportLimits& limits) {
  const size_t nodes = data.nodes.size();
  const int64_t bin_ns = data.bin_ns;
  uint64_t rarest = 0;
  bool has_cpus = true;
  if (nodes > limits.most_nodes) rarest = thin_nodes(data, limits.most_nodes);
  merge(data.rows);
  while (data.rows.size() > limits.most_rows) {
    if (data.bins > 64) {
      thin_time(data);
    } else if (data.nodes.size() > 1000) {
      rarest = thin_nodes(data, data.nodes.size() / 4);
    } else if (has_cpus) {
      for (Row& row : data.rows) row.cpu = 0;
      has_cpus = false;
    } else if (data.bins > 1) {
      thin_time(data);
    } else if (data.nodes.size() > 3) {
      rarest = thin_nodes(data, data.nodes.size() / 4);
    } else {
      break;  // a row for each thread and kind
    }
    merge(data.rows);
  }
  if (rarest != 0) {
    data.thinned.push_back(fmt::format(
        "too many different stacks: of {} places in them, those with {} or fewer samples each are "
        "shown as \"(rare frames)\" "
        "of their caller",
        text_in_groups(static_cast<double>(nodes)), text_in_groups(static_cast<double>(rarest))));
  }
  if (data.bin_ns != bin_ns) {
    data.thinned.push_back(fmt::format("too many different samples: times are exact to {} only",
                                       text_of_nanos(static_cast<double>(data.bin_ns))));
  }
  if (!has_cpus) data.thinned.emplace_back("too many different samples: CPUs are not told apart");
}

}  // namespace

ReportData make_report_data(const Export& what, const ReportLimits& limits) {
  ReportData data;
  name_frames(what);
  collect(what, limits, data);
  if (data.nodes.empty()) {
    data.nodes.emplace_back();
    data.functions.push_back({"all", ""});
  }
  thin(data, limits);
  return data;
}

namespace {

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t word = 0;
    for (size_t k = 0; k < 3; ++k) {
      word = word << 8 | (i + k < bytes.size() ? static_cast<uint8_t>(bytes[i + k]) : 0u);
    }
    const size_t digits = std::min<size_t>(bytes.size() - i, 3) + 1;
    for (size_t k = 0; k < 4; ++k) text += k < digits ? kDigits[word >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

}  // namespace

std::string pack_numbers(const std::vector<uint64_t>& numbers) {
  std::string bytes;
  for (uint64_t number : numbers) {
    for (; number >= 0x80; number >>= 7) bytes += static_cast<char>(number | 0x80);
    bytes += static_cast<char>(number);
  }
  return base64(bytes);
}

std::string pack_doubles(const std::vector<double>& numbers) {
  std::string bytes;
  for (const double number : numbers) {
    const auto bits = std::bit_cast<uint64_t>(number);
    for (int shift = 0; shift < 64; shift += 8) bytes += static_cast<char>(bits >> shift);
  }
  return base64(bytes);
}

}  // namespace oc::format
