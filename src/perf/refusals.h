#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"

namespace oc::perf {

/// The events that the kernel refused, told once for each reason instead of once for each event.
class Refusals {
 public:
  /// `error` is why `name` could not be opened; `is_optional`: the run goes on without it.
  void add(const std::string& name, bool is_optional, base::Error error);

  /// "left out 3 events: a, b, c (cannot open event 'a': …)", a sentence for each reason.
  void append_notes(std::vector<std::string>& notes) const;
  /// Of those that the run needs: the first error, naming the others; ok when there are none.
  base::Status status() const;
  /// The first of all, for a run that is left with nothing.
  base::Status first() const;

 private:
  struct Group {
    base::Error error;
    std::vector<std::string> names;
  };
  std::map<int, Group> left_out_;  ///< by errno
  Group needed_;
};

}  // namespace oc::perf
