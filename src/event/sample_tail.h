#pragma once

#include <cstdint>
#include <span>

#include "event/sample_layout.h"

namespace oc::event {

/// The part of a sample whose places vary: from READ to AUX.
///
/// Lent: the spans point into the record. Fields that the sample does not have are empty or 0; `present`
/// says which of its sample_type bits were really found. Source: kernel/events/core.c,
/// perf_output_sample().
struct SampleTail {
  uint64_t present = 0;  ///< PERF_SAMPLE_* bits that were read whole
  bool damaged = false;  ///< the record ends before its sample_type says

  std::span<const uint8_t> read;       ///< as read_format says
  std::span<const uint8_t> callchain;  ///< u64 each, context markers included
  std::span<const uint8_t> raw;
  std::span<const uint8_t> branches;         ///< 24 bytes each: from, to, flags
  std::span<const uint8_t> branch_counters;  ///< u64 each, of the same branches, or none
  uint64_t branch_hw_index = 0;  ///< of the newest branch in the CPU's stack; ~0: not known
  uint64_t user_regs_abi = 0;
  std::span<const uint8_t> user_regs;   ///< u64 each, of the mask's bits
  std::span<const uint8_t> user_stack;  ///< as many bytes as were really copied
  uint64_t weight = 0;
  uint64_t data_src = 0;
  uint64_t transaction = 0;
  uint64_t intr_regs_abi = 0;
  std::span<const uint8_t> intr_regs;
  uint64_t phys_addr = 0;
  uint64_t cgroup = 0;
  uint64_t data_page_size = 0;
  uint64_t code_page_size = 0;
  std::span<const uint8_t> aux;
  /// From the start of the record: where REGS_USER and STACK_USER begin and end, of samples that have either.
  uint32_t user_begin = 0;
  uint32_t user_end = 0;
};

/// Reads the tail of a sample of `layout`. Requires: `size_bytes` readable bytes at `record`.
SampleTail read_tail(const SampleLayout& layout, const uint8_t* record, uint32_t size_bytes);

}  // namespace oc::event
