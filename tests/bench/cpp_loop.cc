// The same job as count.lua in C++: sched_switch by next_pid, sys_enter by id, over the same batches, into
// the same kind of table. What the Lua loop is measured against.
#include <bit>
#include <chrono>
#include <cstdio>
#include <vector>

#include "base/bytes.h"
#include "base/tuple_table.h"
#include "session/session.h"

namespace {

using oc::base::TupleTable;

/// What oc.counter does for one number: the first slot is tried in line, the rest is a call.
struct Counter {
  static constexpr uint32_t kNumber = 2;
  TupleTable table{1 << 22};
  std::vector<double> counts = std::vector<double>(1 << 16);
  double total = 0;

  void count(double key) {
    const auto bits = std::bit_cast<uint64_t>(key);
    auto row = static_cast<uint32_t>(table.slots()[TupleTable::hash(bits, 0) >> table.shift()]);
    const auto& found = table.rows()[row];
    if (found.a != bits || found.kinds != kNumber) row = table.find_or_add(bits, 0, kNumber);
    if (row >= counts.size()) counts.resize(counts.size() * 2);
    counts[row] += 1;
    total += 1;
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  oc::session::Session session;
  if (auto status = session.open_file(argv[1]); !status) {
    std::fprintf(stderr, "cpp_loop: %s\n", status.error().what.c_str());
    return 1;
  }
  const auto switches = session.kinds().resolve("sched:sched_switch", {});
  const auto enters = session.kinds().resolve("raw_syscalls:sys_enter", {});
  if (!switches || !enters) return 1;
  const uint32_t switch_kind = switches->front();
  const uint32_t enter_kind = enters->front();
  const uint32_t pid_at = session.kinds().format(switch_kind)->find("next_pid")->offset;
  const uint32_t id_at = session.kinds().format(enter_kind)->find("id")->offset;
  session.kinds().want(switch_kind);
  session.kinds().want(enter_kind);
  if (auto status = session.start({}); !status) return 1;
  Counter by_pid, by_id;
  for (;;) {
    auto batch = session.next(std::chrono::milliseconds(100));
    if (!batch || *batch == nullptr) break;
    for (uint32_t i = 0; i < (*batch)->count; ++i) {
      const oc_event& event = (*batch)->events[i];
      if (event.event == switch_kind) {
        by_pid.count(oc::base::load<int32_t>(event.payload + pid_at));
      } else {
        by_id.count(static_cast<double>(oc::base::load<int64_t>(event.payload + id_at)));
      }
    }
  }
  std::printf("sched_switch %.0f in %u keys, sys_enter %.0f in %u keys\n", by_pid.total,
              by_pid.table.size() - 1, by_id.total, by_id.table.size() - 1);
}
