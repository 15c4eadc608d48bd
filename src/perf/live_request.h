#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "event/event_format.h"

namespace oc::perf {

/// One kind of event to open on every CPU.
struct EventRequest {
  std::string name;   ///< as the user sees it
  uint32_t type = 0;  ///< perf_event_attr.type
  uint64_t config = 0;
  uint64_t frequency_hz = 0;  ///< 0: every `period` events
  uint64_t period = 1;
  bool with_address = false;  ///< PERF_SAMPLE_ADDR (page faults)
  bool with_cgroup = false;   ///< PERF_SAMPLE_CGROUP (Linux 5.7), and CGROUP records of new groups
  /// Do not filter out our own threads. For sched:*: a switch made in our context is also the
  /// switch-in of another thread, so leaving it out would lose that.
  bool keep_own = false;
  /// One of those that a glob matched: when the kernel refuses it, it is left out with a note.
  bool is_optional = false;
  /// False: looked up by name but never asked for; it keeps its place and is not opened.
  bool is_wanted = true;
  /// Of a tracepoint: what the kernel shall let through, in its own words (event/filter_kernel.h). Only
  /// saves work: whoever gets the events filters them again.
  std::string filter;
  std::optional<event::EventFormat> format;  ///< of a tracepoint: adds RAW
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
  bool switch_records = false;       ///< PERF_RECORD_SWITCH of every context switch
  bool mmap_records = false;         ///< PERF_RECORD_MMAP2, of data too
  SidebandExtras extras;             ///< asked for by name: what the kernel refuses is noted
  std::vector<std::string> command;  ///< empty: system-wide
  /// For a file: mappings of code with build ids, namespaces, cgroups, kernel symbols and BPF programs,
  /// as far as the kernel gives them.
  bool is_recorded = false;
  bool starts_paused = false;     ///< until LiveSource::resume, only names and threads are told
  bool stdout_to_stderr = false;  ///< of the command: our own stdout is the trace
  uint64_t buffer_bytes = 0;      ///< data ring per CPU; 0: 8 MiB, or what the lock limit allows
  std::vector<int32_t> own_tids;  ///< threads whose tracepoints are left out, system-wide
};

}  // namespace oc::perf
