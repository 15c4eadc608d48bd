#pragma once

#include <string>

#include "format/exporter.h"
#include "machine/graph.h"

namespace oc::format {

/// What widths and shares of a picture are: numbers of samples, or the sum of their values in one unit.
struct Measure {
  bool by_value = false;
  machine::ValueType type = machine::ValueType::kCount;
  std::string unit = "samples";  ///< with by_value: the kind's name
  std::string why;  ///< a sentence where values were asked for and cannot be used; otherwise ""

  double total(const machine::Graph::Node& node) const {
    return by_value ? node.total : static_cast<double>(node.total_count);
  }
  double self(const machine::Graph::Node& node) const {
    return by_value ? node.self : static_cast<double>(node.self_count);
  }
  double of(const machine::Sample& sample) const {
    return by_value ? sample.value : static_cast<double>(sample.weight);
  }
  /// "1.25 s", "12.5 MiB", "1,234 samples".
  std::string text(double number) const;
};

/// Values where the samples are of one kind and none is below zero: sums of different kinds mean nothing.
Measure measure_of(const Export& what);

/// "1,234,567"; what is not whole has up to two digits after the point.
std::string text_in_groups(double number);
/// "12.5 ms"
std::string text_of_nanos(double nanos);
/// Of a whole: "12.34%".
std::string text_of_share(double part, double whole);

}  // namespace oc::format
