#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "event/event_format.h"
#include "perf/event_text.h"
#include "perf/target.h"

namespace oc::perf {

/// How the stack of a sample is recorded.
enum class Stacks : uint8_t {
  kNone,
  kFramePointer,  ///< CALLCHAIN, kernel and user part
  kDwarf,         ///< CALLCHAIN of the kernel; of the user, registers and the top of the stack
};

struct StackRequest {
  Stacks kind = Stacks::kNone;
  uint32_t dump_bytes = 8192;  ///< of the user's stack, with kDwarf: a multiple of 8, below 65536
  uint16_t most_frames = 0;    ///< 0: the kernel's limit (kernel.perf_event_max_stack)

  bool operator==(const StackRequest&) const = default;
};

/// One kind of event to open on every CPU.
struct EventRequest {
  std::string name;   ///< as the user sees it
  uint32_t type = 0;  ///< perf_event_attr.type
  uint64_t config = 0;
  uint64_t config1 = 0;  ///< of a breakpoint: its address
  uint64_t config2 = 0;  ///< of a breakpoint: its length
  uint32_t bp_type = 0;
  Modifiers modifiers;
  uint64_t frequency_hz = 0;  ///< 0: every `period` events
  uint64_t period = 1;
  bool with_address = false;  ///< PERF_SAMPLE_ADDR (page faults)
  uint64_t parts = 0;  ///< further PERF_SAMPLE_* bits: weights, cgroups, physical addresses …
  StackRequest stacks;
  /// Do not filter out our own threads. For sched:*: a switch made in our context is also the
  /// switch-in of another thread, so leaving it out would lose that.
  bool keep_own = false;
  /// One of those that a glob matched: when the kernel refuses it, it is left out with a note.
  bool is_optional = false;
  /// Events that are counted together: the number of the group, 0 for none. The first is the leader.
  uint32_t group = 0;
  bool is_leader = false;
  std::vector<int32_t> cpus;  ///< opened on these only (one CPU of a package); empty: on all
  /// False: looked up by name but never asked for; it keeps its place and is not opened.
  bool is_wanted = true;
  /// Of a tracepoint: what the kernel shall let through, in its own words (event/filter_kernel.h). Only
  /// saves work: whoever gets the events filters them again.
  std::string filter;
  std::optional<event::EventFormat> format;  ///< of a tracepoint: adds RAW

  /// `{a,b}:S`: the leader samples, the others are only read.
  bool is_read_only() const { return group != 0 && modifiers.sample_read && !is_leader; }
  bool reads_group() const { return group != 0 && modifiers.sample_read && is_leader; }
};

/// Sideband records that not every kernel or user gets: found out by trying.
struct SidebandExtras {
  bool build_ids = false;   ///< in MMAP2 records: Linux 5.12
  bool namespaces = false;  ///< privileged
  bool cgroups = false;     ///< Linux 5.7
  bool ksymbols = false;    ///< Linux 5.1
  bool bpf_events = false;
  bool text_pokes = false;  ///< Linux 5.9
};

/// What a LiveSource shall record. Comm, fork and exit records are always on.
struct LiveRequest {
  std::vector<EventRequest> events;
  bool switch_records = false;  ///< PERF_RECORD_SWITCH of every context switch
  bool mmap_records = false;    ///< PERF_RECORD_MMAP2, of data too
  bool code_records = false;    ///< the same, of code alone
  Target target;
  SidebandExtras extras;             ///< asked for by name: what the kernel refuses is noted
  std::vector<std::string> command;  ///< traced, and its children; with target.is_system: only run
  /// For a file: mappings of code with build ids, namespaces, cgroups, kernel symbols and BPF programs,
  /// as far as the kernel gives them.
  bool is_recorded = false;
  bool folds_stacks = false;   ///< user stacks are unwound at once: mappings of data are of no use
  bool starts_paused = false;  ///< until LiveSource::resume, only names and threads are told
  bool stdout_to_stderr = false;  ///< of the command: our own stdout is the trace
  bool is_beside_prompt = false;  ///< the command leaves the terminal to us, see CommandPlace
  uint64_t buffer_bytes = 0;      ///< data ring per CPU; 0: 8 MiB, or what the lock limit allows
  std::vector<int32_t> own_tids;  ///< threads whose tracepoints are left out, system-wide
};

}  // namespace oc::perf
