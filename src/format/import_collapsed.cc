#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>
#include <vector>

#include "base/interner.h"
#include "format/import.h"

namespace oc::format {

namespace {

constexpr std::string_view kKernelEnding = "_[k]";
constexpr size_t kCommBytes = 15;  ///< of a thread's name in the kernel

struct Line {
  std::string_view stack;
  double weight = 0;
};

/// "frame;frame COUNT": the count follows the last space. Source: flamegraph.pl's header.
std::optional<Line> parse_line(std::string_view text) {
  const size_t space = text.rfind(' ');
  if (space == std::string_view::npos || space == 0) return std::nullopt;
  const std::string_view number = text.substr(space + 1);
  Line line;
  const char* const end = number.data() + number.size();
  const auto [at, error] = std::from_chars(number.data(), end, line.weight);
  if (error != std::errc() || at != end || !std::isfinite(line.weight)) return std::nullopt;
  line.stack = text.substr(0, space);
  return line;
}

/// As numbers of samples, which collapsed stacks usually have.
uint64_t whole_count(double weight) {
  return static_cast<uint64_t>(std::clamp(std::round(std::abs(weight)), 1.0, 9007199254740992.0));
}

/// Calls `visit(line)` with each line that is not blank, without its end.
template <typename Visit>
void for_each_line(std::string_view text, Visit visit) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") == std::string_view::npos) continue;
    if (!visit(line)) return;
  }
}

/// "name-PID/TID" or "name-PID", as stackcollapse-perf.pl writes it with --tid or --pid.
struct Named {
  std::string_view comm;
  int32_t pid = -1, tid = -1;
};
std::optional<Named> split_ids(std::string_view text) {
  const size_t dash = text.rfind('-');
  if (dash == std::string_view::npos || dash == 0) return std::nullopt;
  Named named;
  named.comm = text.substr(0, dash);
  const char* const end = text.data() + text.size();
  auto parsed = std::from_chars(text.data() + dash + 1, end, named.pid);
  if (parsed.ec != std::errc() || named.pid < 0) return std::nullopt;
  named.tid = named.pid;
  if (parsed.ptr != end) {
    if (*parsed.ptr != '/') return std::nullopt;
    parsed = std::from_chars(parsed.ptr + 1, end, named.tid);
    if (parsed.ec != std::errc() || parsed.ptr != end || named.tid < 0) return std::nullopt;
  }
  return named;
}

/// Each line is an entry of the kind "samples", whose value is its count: it stands for so many samples, if that is what
/// the file counts, which no file tells.
class CollapsedReader {
 public:
  explicit CollapsedReader(std::string_view text) : text_(text) {}
  std::unique_ptr<machine::Machine> read(bool is_cut);

 private:
  void look_at_first_frames();
  void add(const Line& line);
  machine::ContextId context_of(std::string_view first);
  uint32_t frame_of(std::string_view name);

  std::string_view text_;
  std::unique_ptr<machine::Machine> machine_ = std::make_unique<machine::Machine>();
  bool has_comms_ = true;  ///< the first frames can be names of threads
  bool has_ids_ = true;    ///< and all end in ids
  uint64_t bad_lines_ = 0;
  base::Interner names_;
  std::vector<uint32_t> frames_;  ///< by name
  std::vector<uint32_t> stack_;
  machine::KindId kind_;
};

std::unique_ptr<machine::Machine> CollapsedReader::read(bool is_cut) {
  // The last line may be cut too: its count would be another.
  if (is_cut) text_ = text_.substr(0, text_.rfind('\n') + 1);
  look_at_first_frames();
  kind_ = machine_->kind("samples");
  machine_->kind(kind_).is_sampled = true;
  machine_->kind(kind_).counted = machine::Counted::kPerhaps;
  for_each_line(text_, [&](std::string_view line) {
    if (const auto parsed = parse_line(line)) {
      add(*parsed);
    } else {
      ++bad_lines_;
    }
    return true;
  });
  if (bad_lines_ != 0) {
    machine_->facts.notes.push_back(std::to_string(bad_lines_) +
                                    " lines are no stacks (frame;frame COUNT) and were left out");
  }
  return std::move(machine_);
}

void CollapsedReader::look_at_first_frames() {
  for_each_line(text_, [&](std::string_view text) {
    const auto line = parse_line(text);
    if (!line) return true;
    const std::string_view first = line->stack.substr(0, line->stack.find(';'));
    const auto named = split_ids(first);
    has_ids_ &= named.has_value();
    const std::string_view comm = named ? named->comm : first;
    has_comms_ &= comm.size() <= kCommBytes && comm.find("::") == std::string_view::npos;
    return has_comms_;
  });
}

machine::ContextId CollapsedReader::context_of(std::string_view first) {
  Named named{first};
  if (has_ids_) named = *split_ids(first);
  auto& processes = machine_->processes;
  const machine::ThreadId thread = processes.thread(named.pid, named.tid);
  const base::StringId comm = machine_->texts.intern(named.comm);
  machine::Process& process = processes.process(processes.thread(thread).process);
  if (named.pid >= 0 && (!process.comm || named.pid == named.tid)) process.comm = comm;
  return processes.context(thread, comm);
}

uint32_t CollapsedReader::frame_of(std::string_view name) {
  const uint32_t id = names_.intern(name).value;
  if (id >= frames_.size()) frames_.resize(std::max<size_t>(id + 1, frames_.size() * 2));
  if (frames_[id] != 0) return frames_[id];
  machine::OwnFrame frame;
  frame.is_kernel = name.ends_with(kKernelEnding);
  for (const std::string_view ending :
       {kKernelEnding, std::string_view("_[i]"), std::string_view("_[j]")}) {
    if (name.ends_with(ending)) {
      name.remove_suffix(ending.size());
      break;
    }
  }
  // "[libc.so.6]" stands for code without a name there.
  const bool is_module = name.starts_with('[') && name.ends_with(']');
  if (is_module) {
    frame.module = name;
  } else {
    frame.function = name;
    if (frame.is_kernel) frame.module = "[kernel.kallsyms]";
  }
  return frames_[id] = machine_->places.add({&frame, 1});
}

void CollapsedReader::add(const Line& line) {
  machine::Sample sample;
  std::string_view rest = line.stack;
  if (has_comms_) {
    const size_t end = std::min(rest.find(';'), rest.size());
    sample.context = context_of(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  stack_.clear();
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(';'), rest.size());
    if (end != 0) stack_.push_back(frame_of(rest.substr(0, end)));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  std::reverse(stack_.begin(), stack_.end());
  uint32_t kernel = 0;
  while (kernel < stack_.size() && machine_->places.find(stack_[kernel]).is_kernel) ++kernel;
  sample.kind = kind_;
  sample.value = line.weight;
  sample.weight = whole_count(line.weight);
  sample.stack = machine_->add_stack(stack_, kernel);
  machine_->add(sample);
}

}  // namespace

/// Of the first lines as many are stacks as are not, or more.
bool looks_like_collapsed(std::span<const uint8_t> bytes) {
  constexpr int kLines = 20;
  int good = 0, bad = 0;
  for_each_line(text_of(bytes), [&](std::string_view line) {
    (parse_line(line) ? good : bad) += 1;
    return good + bad < kLines;
  });
  return good > 0 && good >= bad;
}

Imported import_collapsed(std::span<const uint8_t> bytes, bool is_cut) {
  return CollapsedReader(text_of(bytes)).read(is_cut);
}

}  // namespace oc::format
