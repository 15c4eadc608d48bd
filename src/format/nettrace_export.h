#pragma once

#include <array>
#include <cstdint>
#include <tuple>
#include <vector>

#include "format/code_addresses.h"
#include "format/exporter.h"
#include "format/nettrace_writer.h"

namespace oc::format {

/// What of a machine becomes which row of a nettrace file: NettraceWriter has the bytes, docs/formats/nettrace.md says
/// what readers make of it.
///
///     all samples and spans ── gather ──> processes, stacks, addresses of their functions
///     processes, mappings, spans (plan) ──┐
///     samples in order of time ───────────┴──> events; at the end symbols and what was lost
class NettraceExport {
 public:
  NettraceExport(const Export& what, Output& out)
      : what_(what), out_(out), machine_(what.machine), code_(machine_, what.inlined) {}

  base::Status run();

 private:
  /// Events of Universal.System, by their numbers.
  enum System : uint32_t {
    kExisting,
    kCreate,
    kExit,
    kMapping,
    kSymbol,
    kMappingMetadata,
    kSystemEvents
  };

  /// Something to be told between samples.
  struct Told {
    /// In the order in which they are told at one time; exits come after that time's samples.
    enum class What : uint8_t { kProcess, kMapping, kSpan, kExit };
    int64_t time;
    What what;
    uint32_t index;
    friend bool operator<(const Told& a, const Told& b) {
      return std::tie(a.time, a.what, a.index) < std::tie(b.time, b.what, b.index);
    }
  };

  /// What samples of one kind are in the file.
  struct EventKind {
    uint32_t event = 0;  ///< the writer's id; 0: no such samples
    bool is_used = false;
    bool is_whole = true;  ///< values are whole and not negative
  };

  /// When a process is first and last seen.
  struct Seen {
    int64_t first = INT64_MAX, last = INT64_MIN;
  };

  void gather();
  void see(machine::ContextId context, machine::StackRef stack, int64_t from, int64_t until);
  NettraceWriter::Trace trace() const;
  void add_system_events();
  void add_kinds();
  void add_kind(uint32_t id, bool& has_cpu, bool& has_switch);
  void plan();
  bool write_samples();
  void write_sample(const machine::Sample& sample);
  void tell(const Told& told);
  void write_process(machine::ProcessId id);
  void write_mapping(const CodeAddresses::Use& use);
  void write_span(machine::SpanId id);
  void write_symbols();
  void write_losses();
  /// `offset`: of some code in it.
  uint32_t metadata_of(process::ModuleId module, uint64_t offset, uint32_t thread, int64_t time);

  machine::ProcessId process_of(machine::ContextId context) const {
    return context ? machine_.processes.thread(machine_.processes.context(context).thread).process
                   : machine::ProcessId{};
  }
  uint32_t process_thread(machine::ProcessId id);
  uint32_t thread_of(machine::ContextId id);
  uint32_t stack_of(machine::ContextId context, machine::StackRef stack);
  uint32_t labels_of(machine::AttributesId id);
  uint64_t ticks(int64_t time) const {
    return machine_.facts.start_ns + static_cast<uint64_t>(time);
  }
  int64_t begin_of(machine::ProcessId id) const;
  void write(uint32_t event, uint32_t thread, int64_t time) {
    NettraceWriter::Head head;
    head.event = event;
    head.thread = thread;
    head.time = ticks(time);
    writer_->add_event(head, payload_.bytes());
    payload_.clear();
  }

  const Export& what_;
  Output& out_;
  machine::Machine& machine_;
  CodeAddresses code_;
  NettraceWriter* writer_ = nullptr;
  base::ByteSink payload_;
  LabelList list_;
  std::vector<machine::SpanId> spans_;
  std::vector<EventKind> kinds_;           ///< by KindId
  std::vector<Seen> seen_;                 ///< by machine::ProcessId
  machine::PairTable pairs_;               ///< process and stack
  std::vector<uint32_t> stack_ids_;        ///< by pair
  std::vector<uint32_t> threads_;          ///< by ContextId
  std::vector<uint32_t> process_threads_;  ///< by machine::ProcessId
  std::vector<uint32_t> label_ids_;        ///< by AttributesId
  std::vector<uint32_t> metadata_;         ///< by ModuleId
  std::vector<Told> told_;
  size_t next_ = 0;  ///< of told_
  std::array<uint32_t, kSystemEvents> system_{};
  uint32_t span_event_ = 0;
  int64_t first_ = 0, last_ = 0;  ///< of all
};

}  // namespace oc::format
