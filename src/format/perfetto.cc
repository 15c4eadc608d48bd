#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <vector>

#include "format/formats.h"
#include "format/frame_texts.h"
#include "format/perfetto_fields.h"
#include "format/perfetto_stacks.h"
#include "format/span_tracks.h"
#include "format/time_order.h"

namespace oc::format {

namespace {

using namespace perfetto;

constexpr std::array<std::string_view, 2> kPerfettoExtensions{".perfetto-trace", ".pftrace"};

/// A machine as packets of a Perfetto trace, in sequences that each have their own state:
///
///     1       clocks, processes and threads, tracks, spans as slices
///     2 …     samples of one kind each, with the texts, frames and stacks that they refer to
///
/// A sequence begins with a packet that clears its state, or readers drop the rest of it and say nothing. Times are those
/// of the trace's clock and told as BOOTTIME, Perfetto's own: how long the machine slept is not known.
class PerfettoExport {
 public:
  PerfettoExport(const Export& what, Output& out)
      : what_(what), out_(out), machine_(what.machine) {}

  base::Status run() {
    name_frames(what_);
    gather();
    write_clocks();
    write_processes();
    write_spans();
    if (!write_samples()) return base::make_error(base::Code::kUsage, "the export was given up");
    write_losses();
    return {};
  }

 private:
  /// Samples of one kind.
  struct Sequence {
    explicit Sequence(machine::Machine& machine, bool inlined) : stacks(machine, inlined) {}
    uint32_t id = 0;
    PerfettoStacks stacks;
    std::map<uint16_t, double> sums;  ///< by CPU: values so far, as the kernel's counters run
  };
  static constexpr uint32_t kFactSequence = 1;
  static constexpr uint64_t kThreadTracks = 1 << 20, kSpanTracks = uint64_t{1} << 40;

  uint64_t ticks(int64_t time) const {
    return machine_.facts.start_ns + static_cast<uint64_t>(time);
  }

  /// Ends the packet at hand.
  void put(uint32_t sequence, uint64_t flags) {
    packet_.varint(packet::kSequence, sequence);
    if (flags != 0) packet_.varint(packet::kSequenceFlags, flags);
    root_.message(trace::kPacket, packet_);
    packet_.clear();
    if (root_.size() < 1 << 16) return;
    out_.write(root_.bytes());
    root_.clear();
  }
  void put_rest() {
    out_.write(root_.bytes());
    root_.clear();
  }

  void gather() {
    const machine::ProcessTable& processes = machine_.processes;
    std::set<uint32_t> threads;
    const auto see = [&](machine::ContextId context, int64_t time) {
      if (context) threads.insert(processes.context(context).thread.value);
      first_ = std::min(first_, time);
      last_ = std::max(last_, time);
    };
    what_.selection.for_each(
        [&](const machine::Sample& sample, uint64_t) { see(sample.context, sample.time); });
    tracks_ = nest_spans(what_.selection);
    for (const TrackSpan& track : tracks_) {
      const machine::Span& span = machine_.spans[track.span];
      see(span.context, span.start);
      last_ = std::max(last_, span.end);
    }
    for (const uint32_t id : threads) threads_[processes.thread({id}).process.value].push_back(id);
  }

  void write_clocks() {
    ProtoWriter snapshot;
    const auto add = [&](uint64_t clock, uint64_t time) {
      ProtoWriter row;
      row.varint(clock_snapshot::kClockId, clock);
      row.varint(clock_snapshot::kClockTimestamp, time);
      snapshot.message(clock_snapshot::kClocks, row);
    };
    const uint64_t now = ticks(first_);
    add(clock_snapshot::kBoottime, now);
    add(clock_snapshot::kMonotonic, now);
    if (machine_.facts.wall_offset != 0) {
      add(clock_snapshot::kRealtime, now + static_cast<uint64_t>(machine_.facts.wall_offset));
    }
    packet_.varint(packet::kTimestamp, now);
    packet_.message(packet::kClockSnapshot, snapshot);
    put(kFactSequence, packet::kStateCleared);
  }

  /// Each process at the time when it began, so that a pid which is used again is another one.
  void write_processes() {
    for (const auto& [id, threads] : threads_) {
      const machine::Process& process = machine_.processes.process({id});
      const bool is_old = process.start == machine::kBeforeTrace;
      ProtoWriter tree, row;
      row.integer(process_tree::kPid, process.pid);
      if (process.parent)
        row.integer(process_tree::kParent, machine_.processes.process(process.parent).pid);
      const base::StringId name = process.command_line ? process.command_line : process.comm;
      row.text(process_tree::kCommandLine, clean_text(machine_.text(name)));
      tree.message(process_tree::kProcesses, row);
      for (const uint32_t thread_id : threads) {
        const machine::Thread& thread = machine_.processes.thread({thread_id});
        row.clear();
        row.integer(process_tree::kTid, thread.tid);
        row.integer(process_tree::kThreadPid, process.pid);
        row.text(process_tree::kThreadName, name_of(thread, process));
        tree.message(process_tree::kThreads, row);
      }
      packet_.varint(packet::kTimestamp,
                     ticks(is_old ? first_ : std::clamp(process.start, first_, last_)));
      packet_.message(packet::kProcessTree, tree);
      put(kFactSequence, 0);
    }
  }

  std::string name_of(const machine::Thread& thread, const machine::Process& process) const {
    return clean_text(
        machine_.text(thread.names.empty() ? process.comm : thread.names.back().name));
  }

  /// A track for the spans of a thread that nest, and one for each that does not.
  uint64_t write_track(const TrackSpan& track) {
    const machine::Span& span = machine_.spans[track.span];
    const machine::ThreadId thread_id =
        span.context ? machine_.processes.context(span.context).thread : machine::ThreadId{};
    const uint64_t thread_track = thread_id ? kThreadTracks + thread_id.value : 0;
    if (thread_id && told_tracks_.insert(thread_track).second) {
      const machine::Thread& thread = machine_.processes.thread(thread_id);
      const machine::Process& process = machine_.processes.process(thread.process);
      ProtoWriter descriptor, row;
      row.integer(track::kThreadPid, process.pid);
      row.integer(track::kThreadTid, thread.tid);
      row.text(track::kThreadName, name_of(thread, process));
      descriptor.varint(track::kUuid, thread_track);
      descriptor.message(track::kThread, row);
      packet_.message(packet::kTrackDescriptor, descriptor);
      put(kFactSequence, 0);
    }
    if (track.is_nested && thread_id) return thread_track;
    const uint64_t own = kSpanTracks + track.span.value;
    ProtoWriter descriptor;
    descriptor.varint(track::kUuid, own);
    descriptor.text(track::kName, clean_text(machine_.text(span.name)));
    if (thread_id) descriptor.varint(track::kParent, thread_track);
    packet_.message(packet::kTrackDescriptor, descriptor);
    put(kFactSequence, 0);
    return own;
  }

  void write_begin(const machine::Span& span, uint64_t track_id) {
    ProtoWriter event, row;
    event.varint(track::kType, track::kBegin);
    event.varint(track::kTrack, track_id);
    if (span.kind)
      event.text(track::kCategories, clean_text(machine_.text(machine_.kind(span.kind).name)));
    event.text(track::kEventName, clean_text(machine_.text(span.name)));
    for (const machine::Attribute& attribute : machine_.attributes.all(span.attributes)) {
      row.clear();
      row.text(track::kAnnotationName, clean_text(machine_.text(attribute.name)));
      if (attribute.is_text) {
        row.text(track::kAnnotationText, clean_text(machine_.text(attribute.text)));
      } else {
        row.number(track::kAnnotationNumber, attribute.number);
      }
      event.message(track::kAnnotations, row);
    }
    packet_.varint(packet::kTimestamp, ticks(span.start));
    packet_.message(packet::kTrackEvent, event);
    put(kFactSequence, 0);
  }

  void write_end(int64_t time, uint64_t track_id) {
    ProtoWriter event;
    event.varint(track::kType, track::kEnd);
    event.varint(track::kTrack, track_id);
    packet_.varint(packet::kTimestamp, ticks(time));
    packet_.message(packet::kTrackEvent, event);
    put(kFactSequence, 0);
  }

  /// Slices of a track are told as they nest: an inner one ends before the one around it does.
  void write_spans() {
    std::vector<std::pair<int64_t, uint64_t>> open;  // ends and tracks of nested ones
    const auto close = [&](int64_t until, uint64_t on_track) {
      while (!open.empty() && (open.back().second != on_track || open.back().first <= until)) {
        write_end(open.back().first, open.back().second);
        open.pop_back();
      }
    };
    for (const TrackSpan& track : tracks_) {
      const machine::Span& span = machine_.spans[track.span];
      const uint64_t id = write_track(track);
      if (track.is_nested && span.context) {
        close(span.start, id);
        write_begin(span, id);
        open.emplace_back(span.end, id);
      } else {
        write_begin(span, id);
        write_end(span.end, id);
      }
    }
    close(INT64_MAX, 0);
  }

  Sequence& sequence_of(machine::KindId id) {
    const auto [at, is_new] = sequences_.try_emplace(id.value, machine_, what_.inlined);
    if (!is_new) return at->second;
    at->second.id = kFactSequence + static_cast<uint32_t>(sequences_.size());
    ProtoWriter timebase, samples, all;
    if (id && id.value <= machine_.kinds().size()) {
      const machine::Kind& kind = machine_.kind(id);
      if (kind.period > 0) timebase.varint(defaults::kPeriod, static_cast<uint64_t>(kind.period));
      timebase.text(defaults::kName, clean_text(machine_.text(kind.name)));
    }
    samples.message(defaults::kTimebase, timebase);
    all.message(defaults::kPerfSample, samples);
    packet_.message(packet::kDefaults, all);
    put(at->second.id, packet::kStateCleared);
    return at->second;
  }

  void write_sample(const machine::Sample& sample) {
    Sequence& sequence = sequence_of(sample.kind);
    interned_.clear();
    row_.clear();
    const uint64_t stack = sequence.stacks.add(sample.stack, interned_);
    if (sample.cpu != machine::kNoCpu) row_.varint(perf_sample::kCpu, sample.cpu);
    if (sample.context) {
      row_.integer(perf_sample::kPid, machine_.processes.process_of(sample.context).pid);
      row_.integer(
          perf_sample::kTid,
          machine_.processes.thread(machine_.processes.context(sample.context).thread).tid);
    }
    if (stack != 0) row_.varint(perf_sample::kCallstack, stack);
    const bool is_kernel = machine_.stack(sample.stack).kernel_frames != 0;
    row_.varint(perf_sample::kCpuMode, is_kernel ? perf_sample::kKernel : perf_sample::kUser);
    double& sum = sequence.sums[sample.cpu];
    sum = std::max(0.0, sum + what_.weight_of(sample));
    row_.varint(perf_sample::kTimebaseCount, static_cast<uint64_t>(std::min(sum, 9e18)));
    packet_.varint(packet::kTimestamp, ticks(sample.time));
    if (interned_.size() != 0) packet_.message(packet::kInterned, interned_);
    packet_.message(packet::kPerfSample, row_);
    put(sequence.id, packet::kNeedsState);
  }

  bool write_samples() {
    return write_in_time(what_, out_,
                         [&](const machine::Sample& sample, uint64_t) { write_sample(sample); });
  }

  void write_losses() {
    bool is_first = true;
    for (const machine::Loss& loss : machine_.facts.losses) {
      if (loss.records == 0) continue;
      row_.clear();
      if (loss.cpu >= 0) row_.varint(perf_sample::kCpu, static_cast<uint64_t>(loss.cpu));
      row_.varint(perf_sample::kRecordsLost, loss.records);
      packet_.varint(packet::kTimestamp, ticks(last_));
      packet_.message(packet::kPerfSample, row_);
      const auto sequence = kFactSequence + static_cast<uint32_t>(sequences_.size()) + 1;
      put(sequence, is_first ? packet::kStateCleared : 0);
      is_first = false;
    }
    put_rest();
  }

  const Export& what_;
  Output& out_;
  machine::Machine& machine_;
  ProtoWriter root_, packet_, interned_, row_;
  std::vector<TrackSpan> tracks_;
  std::map<uint32_t, std::vector<uint32_t>> threads_;  ///< by process: those that are in the file
  std::set<uint64_t> told_tracks_;
  std::map<uint32_t, Sequence> sequences_;  ///< by KindId
  int64_t first_ = 0, last_ = 0;
};

base::Status write_perfetto(const Export& what, Output& out) {
  return PerfettoExport(what, out).run();
}

}  // namespace

Exporter perfetto_exporter() {
  Holds holds;
  holds.build_ids = holds.spans = holds.losses = holds.is_binary = true;
  return {"perfetto", "samples and slices for ui.perfetto.dev and trace_processor",
          kPerfettoExtensions, holds, write_perfetto};
}

}  // namespace oc::format
