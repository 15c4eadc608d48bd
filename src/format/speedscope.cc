#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "format/escapes.h"
#include "format/formats.h"
#include "format/time_order.h"
#include "format/trace_notes.h"
#include "machine/pair_table.h"

namespace oc::format {

namespace {

constexpr std::array<std::string_view, 2> kSpeedscopeExtensions{".speedscope.json", ".speedscope"};

/// A value that is no weight weighs nothing.
double weight_of(double value) { return std::isfinite(value) ? std::max(value, 0.0) : 0; }

/// A profile for each thread and kind. Source: file-format-spec.ts of jlfwong/speedscope.
///
///     nanoseconds:  |--2 ms--|          |-1 ms-|          of clocks: where a sample's time ends at its time, and what
///                    stack      []       stack            lies between is a sample without a stack
///     other units:  |-5-|-1-|-9-|                         one after the other; there is no time in it
///
/// Readers lay samples out by their weights, so this keeps both times and sums.
class SpeedscopeWriter {
 public:
  SpeedscopeWriter(const Export& what, Output& out)
      : what_(what), out_(out), machine_(what.machine) {}

  base::Status write();

 private:
  /// The samples of one thread and kind, by number, in order of time.
  struct Track {
    uint32_t thread = 0, kind = 0;
    base::StringId comm;  ///< the latest
    std::vector<uint64_t> samples;
  };
  struct Piece {
    machine::StackRef stack;
    double weight;
  };

  void collect();
  void write_frames();
  base::Status write_track(const Track& track, bool is_first);
  void lay_out(const Track& track, machine::ValueType type);
  std::string name_of(const Track& track) const;
  bool tell_progress(uint64_t done);
  bool write_long(std::string& text);
  const std::string& index_text(machine::FunctionId function);
  const std::string& stack_text(machine::StackRef stack);

  const Export& what_;
  Output& out_;
  machine::Machine& machine_;
  machine::PairTable by_track_;
  std::vector<Track> tracks_;
  std::vector<std::string>
      index_texts_;  ///< by function: its frame's index and a comma; "": none yet
  std::vector<machine::FunctionId> frames_;
  std::string buffer_;
  std::vector<std::string> stack_texts_;  ///< by Machine::stack_index
  std::vector<Piece> pieces_;             ///< of the track at hand
  double start_ = 0, end_ = 0;            ///< of the track at hand
  uint64_t samples_ = 0, done_ = 0;
};

void SpeedscopeWriter::collect() {
  for_each_in_time(what_.selection, [&](const machine::Sample& sample, uint64_t number) {
    machine::ThreadId thread;
    if (sample.context) thread = machine_.processes.context(sample.context).thread;
    const uint32_t id = by_track_.intern(thread.value, sample.kind.value);
    if (id == tracks_.size()) tracks_.push_back({thread.value, sample.kind.value, {}, {}});
    Track& track = tracks_[id];
    if (sample.context) track.comm = machine_.processes.context(sample.context).comm;
    track.samples.push_back(number);
    ++samples_;
  });
  const auto key = [&](const Track& track) {
    if (track.thread == 0) return std::tuple(-1, -1, track.thread, track.kind);
    const machine::Thread& thread = machine_.processes.thread({track.thread});
    return std::tuple(machine_.processes.process(thread.process).pid, thread.tid, track.thread,
                      track.kind);
  };
  std::sort(tracks_.begin(), tracks_.end(),
            [&](const Track& a, const Track& b) { return key(a) < key(b); });
}

/// The index of the frame of a function, with a comma behind it.
const std::string& SpeedscopeWriter::index_text(machine::FunctionId function) {
  if (function.value >= index_texts_.size()) index_texts_.resize(machine_.places.functions());
  std::string& text = index_texts_[function.value];
  if (text.empty()) {
    text = std::to_string(frames_.size()) + ",";
    frames_.push_back(function);
  }
  return text;
}

/// The outermost first, as indexes in the list of frames.
const std::string& SpeedscopeWriter::stack_text(machine::StackRef stack) {
  const uint32_t index = machine_.stack_index(stack);
  if (index >= stack_texts_.size()) stack_texts_.resize(machine_.stack_indexes());
  std::string& text = stack_texts_[index];
  if (!text.empty()) return text;
  buffer_ = "[";
  const auto frames = machine_.stack(stack).frames;
  for (size_t i = frames.size(); i-- > 0;) {
    const auto lines = machine_.places.lines(frames[i]);
    const size_t last = what_.inlined ? 0 : lines.size() - 1;
    for (size_t k = lines.size(); k-- > last;) buffer_ += index_text(lines[k].function);
  }
  if (buffer_.size() > 1) buffer_.pop_back();
  return text = buffer_ += ']';
}

base::Status SpeedscopeWriter::write() {
  name_frames(what_);
  const std::vector<uint8_t> used = what_.selection.used_stacks();
  for (uint32_t index = 0; index < used.size(); ++index) {
    if (used[index]) stack_text(machine_.stack_ref(index));
  }
  collect();
  std::string text =
      "{\"$schema\":\"https://www.speedscope.app/"
      "file-format-schema.json\",\"exporter\":\"oc\",\"name\":";
  append_json(text, title_of(what_));
  size_t heaviest = 0;
  for (size_t i = 0; i < tracks_.size(); ++i) {
    if (tracks_[i].samples.size() > tracks_[heaviest].samples.size()) heaviest = i;
  }
  if (!tracks_.empty()) text += fmt::format(",\"activeProfileIndex\":{}", heaviest);
  out_.write(text);
  write_frames();
  out_.write(",\"profiles\":[");
  for (const Track& track : tracks_) {
    if (auto status = write_track(track, &track == tracks_.data()); !status) return status;
  }
  out_.write("\n]}\n");
  return out_.status();
}

/// A function is one frame, at whichever line it is: readers tell frames apart by all that they have.
void SpeedscopeWriter::write_frames() {
  std::string text = ",\"shared\":{\"frames\":[";
  for (size_t i = 0; i < frames_.size(); ++i) {
    const machine::Function& function = machine_.places.function(frames_[i]);
    text += i == 0 ? "\n{\"name\":" : ",\n{\"name\":";
    append_json(text, machine_.text(function.name));
    const base::StringId file = function.file ? function.file : function.module;
    if (!machine_.text(file).empty()) {
      text += ",\"file\":";
      append_json(text, machine_.text(file));
    }
    text += '}';
    out_.write(text);
    text.clear();
  }
  out_.write(text + "\n]}");
}

void SpeedscopeWriter::lay_out(const Track& track, machine::ValueType type) {
  pieces_.clear();
  start_ = end_ = 0;
  const bool has_times = type == machine::ValueType::kDuration && what_.values;
  pieces_.reserve((has_times ? 2 : 1) * track.samples.size());  // a gap before each
  for (const uint64_t number : track.samples) {
    const machine::Sample sample = machine_.samples[number];
    const double weight = weight_of(what_.weight_of(sample));
    const double begin = static_cast<double>(sample.time) - weight;
    if (pieces_.empty() && has_times) start_ = end_ = begin;
    if (has_times && begin > end_) {
      pieces_.push_back({0, begin - end_});
      end_ = begin;
    }
    pieces_.push_back({sample.stack, weight});
    end_ += weight;
  }
}

std::string SpeedscopeWriter::name_of(const Track& track) const {
  std::string name;
  if (track.thread != 0) {
    const machine::Thread& thread = machine_.processes.thread({track.thread});
    const machine::Process& process = machine_.processes.process(thread.process);
    const std::string_view comm = machine_.text(process.comm);
    if (process.pid >= 0)
      name = fmt::format("{} ({}) ", comm.empty() ? machine_.text(track.comm) : comm, process.pid);
    name += fmt::format("{}", machine_.text(track.comm));
    if (thread.tid >= 0) name += fmt::format(" ({})", thread.tid);
  }
  if (track.kind == 0) return name;
  return name + (name.empty() ? "" : ": ") +
         std::string(machine_.text(machine_.kind({track.kind}).name));
}

bool SpeedscopeWriter::tell_progress(uint64_t done) {
  const bool is_turn = done_ / kSamplesPerTurn != (done_ + done) / kSamplesPerTurn;
  done_ += done;
  return !is_turn || !what_.progress || what_.progress(double(done_) / double(samples_));
}

/// Hands on what has become long. False: the output failed.
bool SpeedscopeWriter::write_long(std::string& text) {
  constexpr size_t kLong = 512 << 10;  // longer than the output's buffer, which is left out then
  if (text.size() < kLong) return true;
  out_.write(text);
  text.clear();
  return bool(out_.status());
}

base::Status SpeedscopeWriter::write_track(const Track& track, bool is_first) {
  const auto type =
      track.kind == 0 ? machine::ValueType::kNumber : machine_.kind({track.kind}).type;
  lay_out(track, type);
  std::string_view unit = "none";
  if (what_.values && type == machine::ValueType::kDuration) unit = "nanoseconds";
  if (what_.values && type == machine::ValueType::kBytes) unit = "bytes";
  std::string text =
      is_first ? "\n{\"type\":\"sampled\",\"name\":" : ",\n{\"type\":\"sampled\",\"name\":";
  append_json(text, name_of(track));
  text += fmt::format(",\"unit\":\"{}\",\"startValue\":", unit);
  append_json(text, start_);
  text += ",\"endValue\":";
  append_json(text, std::max(start_, end_));
  text += ",\n\"samples\":[";
  for (size_t i = 0; i < pieces_.size(); ++i) {
    if (i != 0) text += ',';
    text += stack_text(pieces_[i].stack);
    if (!write_long(text)) return out_.status();
  }
  text += "],\n\"weights\":[";
  double weight = 0;
  std::string weight_text = "0";  // clocks have the same one again and again
  for (size_t i = 0; i < pieces_.size(); ++i) {
    if (i != 0) text += ',';
    if (pieces_[i].weight != weight) {
      weight = pieces_[i].weight;
      weight_text.clear();
      append_json(weight_text, weight);
    }
    text += weight_text;
    if (!write_long(text)) return out_.status();
  }
  text += "]}";
  out_.write(text);
  if (!tell_progress(track.samples.size())) {
    return base::make_error(base::Code::kUsage, "the export was given up");
  }
  return out_.status();
}

base::Status write_speedscope(const Export& what, Output& out) {
  return SpeedscopeWriter(what, out).write();
}

}  // namespace

Exporter speedscope_exporter() {
  Holds holds;
  holds.lines = false;
  return {"speedscope",
          "a timeline and flame graph for each thread, for speedscope.app",
          kSpeedscopeExtensions,
          holds,
          write_speedscope,
          Compression::kNone,
          true};
}

}  // namespace oc::format
