#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/id.h"
#include "source/source.h"

namespace oc::perf {

/// A FORK record: a thread or process began.
struct Fork {
  base::Nanos time = 0;
  int32_t tid = 0;
  int32_t parent_tid = 0;
  int32_t pid = 0;
};

/// The FORK records among records as the kernel wrote them, added to `forks`; these are sorted by time.
void find_forks(std::span<const source::Span> spans, std::vector<Fork>& forks);

/// Names that threads got, by tid, as the last COMM record among these has them.
void find_names(std::span<const source::Span> spans, std::map<int32_t, std::string>& names);

/// Which threads have the events of a run, while they are attached to one after the other.
///
///     thread 7   [opens 7's events]
///     thread 8        clone → 9      [opens 8's]
///                     ^ 8 has no events yet: 9 has none, the next look at /proc finds it
///     thread 7                clone → 10         10 has them all, by inheritance
///     thread 8                            [op clone → 11 ens]     nobody knows which of them 11 has
///
/// A thread that was started by one that was being attached to is doubtful: whoever attaches starts
/// over. One thread.
class TaskLedger {
 public:
  /// `tid` has all events that were opened from `begin` to `end`; it passes them on if it `inherits`.
  void attached(int32_t tid, base::Nanos begin, base::Nanos end, bool inherits);
  /// It ended before it had all of them.
  void gone(int32_t tid) { gone_.insert(tid); }
  /// Takes FORK records into account. Requires: sorted by time.
  void heard(const std::vector<Fork>& forks);

  bool is_doubtful() const { return is_doubtful_; }
  /// Those of `tids` that still have to be attached to.
  std::vector<int32_t> missing(const std::vector<int32_t>& tids) const;
  /// Who has the events from the thread that started it.
  const std::set<int32_t>& inherited() const { return inherited_; }
  size_t size() const { return attached_.size() + inherited_.size(); }

 private:
  struct Span {
    base::Nanos begin;
    base::Nanos end;
    bool inherits;
  };
  std::map<int32_t, Span> attached_;
  std::set<int32_t> inherited_;
  std::set<int32_t> gone_;
  bool is_doubtful_ = false;
};

}  // namespace oc::perf
