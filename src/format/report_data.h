#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "format/exporter.h"
#include "format/frame_kind.h"

namespace oc::format {

/// How much of a trace a page may carry before it is thinned.
struct ReportLimits {
  uint32_t most_bins = 1024;     ///< stretches of time
  uint32_t most_nodes = 100000;  ///< of the tree of stacks
  uint32_t most_rows = 300000;
};

/// What an HTML report carries: samples that are alike are one row, so that a page stays small however many there are.
///
///     row:  bin thread cpu kind node | count sum        node ─> parent … root, each a function
///
/// Weights are never lost: where there is too much, stretches of time become longer, and frames that are seldom there
/// become one "(rare frames)" of their caller; `thinned` says so.
struct ReportData {
  struct Node {
    uint32_t parent = 0;
    uint32_t function = 0;  ///< of `functions`
    FrameKind kind = FrameKind::kNone;
  };
  struct Row {
    uint32_t bin = 0, thread = 0, cpu = 0, kind = 0,
             node = 0;  ///< cpu: 0 not known, otherwise 1 + its number
    uint64_t count = 0;
    double sum = 0;
  };
  struct Function {
    std::string name, module;
  };

  int64_t start = 0;   ///< ns since the session began: of the first bin
  int64_t bin_ns = 1;  ///< width of a bin
  uint32_t bins = 1;
  std::vector<Function> functions;         ///< 0: of the root
  std::vector<Node> nodes;                 ///< callers before their callees; 0: the root
  std::vector<Row> rows;                   ///< in order of their columns
  std::vector<machine::ThreadId> threads;  ///< by Row::thread; 0: of no thread
  std::vector<machine::KindId> kinds;      ///< by Row::kind
  std::vector<std::string> thinned;        ///< sentences
};

ReportData make_report_data(const Export& what, const ReportLimits& limits = {});

/// Whole numbers as base64 of LEB128: seven bits a byte, the lowest first.
std::string pack_numbers(const std::vector<uint64_t>& numbers);
/// As base64 of IEEE doubles, the lowest byte first.
std::string pack_doubles(const std::vector<double>& numbers);

}  // namespace oc::format
