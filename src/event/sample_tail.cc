#include "event/sample_tail.h"

#include <linux/perf_event.h>

#include <bit>

#include "base/bytes.h"

namespace oc::event {

namespace {

constexpr uint64_t kBranchHwIndex = 1ull << 17;   // PERF_SAMPLE_BRANCH_HW_INDEX
constexpr uint64_t kBranchCounters = 1ull << 19;  // PERF_SAMPLE_BRANCH_COUNTERS, kernel 6.8
constexpr uint64_t kFormatLost = 1ull << 4;       // PERF_FORMAT_LOST, kernel 6.0
constexpr uint64_t kWeightStruct = 1ull << 24;    // PERF_SAMPLE_WEIGHT_STRUCT
constexpr uint64_t kBranchEntryBytes = 24;

/// u64s: one event `value [enabled] [running] [id] [lost]`, or a group
/// `count [enabled] [running] { value [id] [lost] }...`
std::span<const uint8_t> take_read(base::Bytes& bytes, uint64_t format) {
  const bool has_id = (format & PERF_FORMAT_ID) != 0;
  const bool has_lost = (format & kFormatLost) != 0;
  const uint64_t times = ((format & PERF_FORMAT_TOTAL_TIME_ENABLED) != 0) +
                         ((format & PERF_FORMAT_TOTAL_TIME_RUNNING) != 0);
  uint64_t words = 1 + times;
  if ((format & PERF_FORMAT_GROUP) != 0) {
    base::Bytes peek = bytes;
    const auto count = peek.read<uint64_t>();
    if (count > bytes.remaining() / 8) return bytes.take(UINT64_MAX);
    words += count * (1u + has_id + has_lost);
  } else {
    words += 0u + has_id + has_lost;
  }
  return bytes.take(words * 8);
}

std::span<const uint8_t> take_counted(base::Bytes& bytes, uint64_t element_size,
                                      uint64_t* between = nullptr) {
  const auto count = bytes.read<uint64_t>();
  if (between != nullptr) *between = bytes.read<uint64_t>();
  if (count > bytes.remaining() / element_size) return bytes.take(UINT64_MAX);
  return bytes.take(count * element_size);
}

std::span<const uint8_t> take_regs(base::Bytes& bytes, uint64_t mask, uint64_t& abi) {
  abi = bytes.read<uint64_t>();
  return abi == 0 ? std::span<const uint8_t>{}
                  : bytes.take(8u * static_cast<uint64_t>(std::popcount(mask)));
}

std::span<const uint8_t> take_stack(base::Bytes& bytes) {
  const auto size = bytes.read<uint64_t>();
  if (size == 0) return {};
  const auto stack = bytes.take(size);
  const auto used = bytes.read<uint64_t>();
  return used < stack.size() ? stack.first(used) : stack;
}

}  // namespace

SampleTail read_tail(const SampleLayout& layout, const uint8_t* record, uint32_t size_bytes) {
  SampleTail tail;
  if (size_bytes < layout.tail) {
    tail.damaged = true;
    return tail;
  }
  base::Bytes bytes(record + layout.tail, size_bytes - layout.tail);
  const auto part = [&](uint64_t bits, auto&& read) {
    if ((layout.sample_type & bits) == 0 || bytes.failed()) return;
    read();
    if (!bytes.failed()) tail.present |= layout.sample_type & bits;
  };
  part(PERF_SAMPLE_READ, [&] { tail.read = take_read(bytes, layout.read_format); });
  part(PERF_SAMPLE_CALLCHAIN, [&] { tail.callchain = take_counted(bytes, 8); });
  part(PERF_SAMPLE_RAW, [&] { tail.raw = bytes.take(bytes.read<uint32_t>()); });
  part(PERF_SAMPLE_BRANCH_STACK, [&] {
    const bool has_index = (layout.branch_sample_type & kBranchHwIndex) != 0;
    tail.branches =
        take_counted(bytes, kBranchEntryBytes, has_index ? &tail.branch_hw_index : nullptr);
    if ((layout.branch_sample_type & kBranchCounters) != 0)
      tail.branch_counters = bytes.take(tail.branches.size() / kBranchEntryBytes * 8);
  });
  const auto place = [&] { return layout.tail + static_cast<uint32_t>(bytes.offset()); };
  tail.user_begin = place();
  part(PERF_SAMPLE_REGS_USER,
       [&] { tail.user_regs = take_regs(bytes, layout.regs_user, tail.user_regs_abi); });
  part(PERF_SAMPLE_STACK_USER, [&] { tail.user_stack = take_stack(bytes); });
  tail.user_end = place();
  part(PERF_SAMPLE_WEIGHT | kWeightStruct, [&] { tail.weight = bytes.read<uint64_t>(); });
  part(PERF_SAMPLE_DATA_SRC, [&] { tail.data_src = bytes.read<uint64_t>(); });
  part(PERF_SAMPLE_TRANSACTION, [&] { tail.transaction = bytes.read<uint64_t>(); });
  part(PERF_SAMPLE_REGS_INTR,
       [&] { tail.intr_regs = take_regs(bytes, layout.regs_intr, tail.intr_regs_abi); });
  part(PERF_SAMPLE_PHYS_ADDR, [&] { tail.phys_addr = bytes.read<uint64_t>(); });
  part(PERF_SAMPLE_CGROUP, [&] { tail.cgroup = bytes.read<uint64_t>(); });
  part(PERF_SAMPLE_DATA_PAGE_SIZE, [&] { tail.data_page_size = bytes.read<uint64_t>(); });
  part(PERF_SAMPLE_CODE_PAGE_SIZE, [&] { tail.code_page_size = bytes.read<uint64_t>(); });
  part(PERF_SAMPLE_AUX, [&] { tail.aux = take_counted(bytes, 1); });
  tail.damaged = bytes.failed();
  return tail;
}

}  // namespace oc::event
