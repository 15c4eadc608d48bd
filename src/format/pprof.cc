#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <vector>

#include "format/formats.h"
#include "format/pprof_labels.h"
#include "format/pprof_places.h"
#include "format/pprof_schema.h"
#include "format/proto_writer.h"
#include "machine/pair_table.h"

namespace oc::format {

using namespace pprof;

namespace {

constexpr std::array<std::string_view, 3> kPprofExtensions{".pb.gz", ".pprof", ".pb"};
constexpr size_t kWriteAt = 64 << 10;

/// As the format has it: whole, and within its range.
int64_t whole(double value) {
  constexpr double kLimit = 9223372036854774784.0;  // the last double below 2^63
  if (std::isnan(value)) return 0;
  return std::llround(std::clamp(value, -kLimit, kLimit));
}

/// One profile: samples that are alike in all but their time are one.
///
///     sample ─┬─ (stack, context) ──────────────┬──> group: samples, sum of values
///             └─ (cpu, attributes) ── kind: few ─┘
///
/// Each kind is a value type; a sample has values for its own and for the first one, "samples": how many there are. A kind
/// of that name, as collapsed stacks have, is the first one.
class PprofWriter {
 public:
  PprofWriter(const Export& what, Output& out)
      : what_(what),
        out_(out),
        machine_(what.machine),
        texts_(what.machine),
        places_(what.machine, texts_, what.inlined),
        labels_(what.machine, texts_) {}

  base::Status write();

 private:
  struct Sums {
    double value = 0;
    uint64_t count = 0;
  };

  void group();
  base::Status write_samples();
  void write_sample(uint32_t group);
  void write_types();
  void value_type(ProtoWriter& profile, uint32_t field, std::string_view type,
                  std::string_view unit);
  std::string_view unit_of(const machine::Kind& kind) const;
  void write_facts();
  void write_comments(ProtoWriter& profile);
  void comment(ProtoWriter& profile, std::string_view text) {
    profile.varint(kComment, texts_.index(text));
  }
  uint32_t main_kind() const;
  std::string_view main_process() const;

  const Export& what_;
  Output& out_;
  machine::Machine& machine_;
  PprofTexts texts_;
  PprofPlaces places_;
  PprofLabels labels_;
  machine::PairTable by_stack_, by_cpu_, by_kind_, groups_;
  std::vector<Sums> sums_;                  ///< by group
  std::vector<uint32_t> types_;             ///< by kind: which value it is
  std::vector<Sums> kinds_;                 ///< by kind
  std::map<uint32_t, uint64_t> processes_;  ///< samples by process
  ProtoWriter sample_;
  std::vector<uint64_t> ids_;
  std::vector<int64_t> values_;
};

base::Status PprofWriter::write() {
  name_frames(what_);
  group();
  write_types();
  if (auto status = write_samples(); !status) return status;
  places_.write(out_, main_process());
  write_facts();
  texts_.write(out_);
  return {};
}

void PprofWriter::group() {
  kinds_.resize(machine_.kinds().size() + 1);
  what_.selection.for_each([&](const machine::Sample& sample, uint64_t) {
    const uint32_t cpu = by_cpu_.intern(sample.cpu, sample.attributes.value);
    const uint32_t kind = by_kind_.intern(cpu, sample.kind.value);
    const uint32_t id = groups_.intern(by_stack_.intern(sample.stack, sample.context.value), kind);
    if (id == sums_.size()) sums_.emplace_back();
    const double value = what_.weight_of(sample);
    sums_[id].value += value;
    sums_[id].count += sample.weight;
    kinds_[sample.kind.value].value += value;
    kinds_[sample.kind.value].count += sample.weight;
  });
}

/// In the order of kinds; those without samples are left out.
void PprofWriter::write_types() {
  ProtoWriter profile;
  value_type(profile, kSampleType, kSamplesType, "count");
  const machine::KindId counted = machine_.find_kind(kSamplesType);
  const bool is_first = counted && machine_.kind(counted).type == machine::ValueType::kCount;
  types_.resize(kinds_.size());
  uint32_t types = 0;
  for (uint32_t kind = 1; kind < kinds_.size(); ++kind) {
    if (kinds_[kind].count == 0 || (is_first && kind == counted.value)) continue;
    types_[kind] = ++types;
    const machine::Kind& known = machine_.kind({kind});
    value_type(profile, kSampleType, machine_.text(known.name), unit_of(known));
  }
  values_.resize(types + 1);
  out_.write(profile.bytes());
}

void PprofWriter::value_type(ProtoWriter& profile, uint32_t field, std::string_view type,
                             std::string_view unit) {
  ProtoWriter message;
  message.varint(kType, texts_.index(type));
  message.varint(kUnit, texts_.index(unit));
  profile.message(field, message);
}

std::string_view PprofWriter::unit_of(const machine::Kind& kind) const {
  return what_.values ? machine::unit_of(kind.type) : "count";
}

base::Status PprofWriter::write_samples() {
  ProtoWriter profile;
  for (uint32_t group = 0; group < sums_.size(); ++group) {
    write_sample(group);
    profile.message(kSample, sample_);
    if (profile.size() >= kWriteAt) {
      out_.write(profile.bytes());
      profile.clear();
      if (!out_.status()) return out_.status();
    }
    if (group % kSamplesPerTurn == 0 && what_.progress &&
        !what_.progress(double(group) / double(sums_.size())))
      return base::make_error(base::Code::kUsage, "the export was given up");
  }
  out_.write(profile.bytes());
  return out_.status();
}

void PprofWriter::write_sample(uint32_t group) {
  const auto [with_stack, with_kind] = groups_[group];
  const auto [with_cpu, kind] = by_kind_[with_kind];
  const auto [cpu, attributes] = by_cpu_[with_cpu];
  const auto [stack, context] = by_stack_[with_stack];
  machine::ProcessId process;
  if (context != 0)
    process = machine_.processes.thread(machine_.processes.context({context}).thread).process;
  processes_[process.value] += sums_[group].count;

  sample_.clear();
  ids_.clear();
  for (const uint32_t frame : machine_.stack(stack).frames) {
    ids_.push_back(places_.location(frame, process));
  }
  if (!ids_.empty()) sample_.packed(kLocationId, ids_);
  std::fill(values_.begin(), values_.end(), 0);
  values_[0] = static_cast<int64_t>(sums_[group].count);
  values_[types_[kind]] = whole(sums_[group].value);
  sample_.packed(kValue, values_);
  sample_.append(labels_.of_context({context}));
  sample_.append(labels_.of_cpu(static_cast<uint16_t>(cpu)));
  sample_.append(labels_.of_attributes({attributes}));
}

/// What is looked at first: what is sampled on CPUs, otherwise the kind with most samples; 0: there are none.
uint32_t PprofWriter::main_kind() const {
  uint32_t best = 0;
  const auto rank = [&](uint32_t kind) {
    const bool is_cpu = machine_.text(machine_.kind({kind}).group) == "cpu";
    return std::pair(is_cpu, kinds_[kind].count);
  };
  for (uint32_t kind = 1; kind < kinds_.size(); ++kind) {
    if (kinds_[kind].count != 0 && (best == 0 || rank(kind) > rank(best))) best = kind;
  }
  return best;
}

/// The name of the process with most samples.
std::string_view PprofWriter::main_process() const {
  uint32_t best = 0;
  uint64_t most = 0;
  for (const auto& [process, count] : processes_) {
    if (process == 0 || count <= most) continue;
    best = process;
    most = count;
  }
  return best == 0 ? "" : machine_.text(machine_.processes.process(machine::ProcessId{best}).comm);
}

void PprofWriter::write_facts() {
  const machine::TraceFacts& facts = machine_.facts;
  ProtoWriter profile;
  const auto& filter = what_.selection.filter();
  const int64_t from = std::max<int64_t>(filter.from, 0);
  const int64_t until = std::min(filter.until, facts.end);
  if (facts.wall_offset != 0) {
    profile.integer(kTimeNanos, static_cast<int64_t>(facts.start_ns) + facts.wall_offset + from);
  }
  if (until > from) profile.integer(kDurationNanos, until - from);
  if (const uint32_t kind = main_kind(); kind != 0) {
    const machine::Kind& main = machine_.kind({kind});
    const std::string_view name = machine_.text(main.name);
    if (main.is_sampled && main.period > 0) {
      value_type(profile, kPeriodType, name, machine::unit_of(main.type));
      profile.integer(kPeriod, whole(main.period));
    }
    profile.varint(kDefaultSampleType, texts_.index(name));
  }
  write_comments(profile);
  out_.write(profile.bytes());
}

void PprofWriter::write_comments(ProtoWriter& profile) {
  const machine::TraceFacts& facts = machine_.facts;
  if (!what_.title.empty()) {
    comment(profile, "title: " + what_.title);
  } else if (!facts.name.empty()) {
    comment(profile, "trace: " + facts.name);
  }
  for (const auto& [name, value] : facts.host) comment(profile, fmt::format("{}: {}", name, value));
  for (const machine::Loss& loss : facts.losses) {
    std::string text = fmt::format("lost: {} records", loss.records);
    if (loss.event) text += fmt::format(" of {}", machine_.text(loss.event));
    if (loss.cpu >= 0) text += fmt::format(" on cpu {}", loss.cpu);
    comment(profile, text);
  }
  if (machine_.dropped() != 0) {
    comment(profile,
            fmt::format("left out by the limit on what is kept: {} samples", machine_.dropped()));
  }
  for (const std::string& note : facts.notes) comment(profile, note);
}

base::Status write_pprof(const Export& what, Output& out) { return PprofWriter(what, out).write(); }

}  // namespace

Exporter pprof_exporter() {
  Holds holds;
  holds.times = false;
  holds.build_ids = holds.attributes = holds.losses = holds.is_binary = true;
  return {"pprof",
          "for go tool pprof and what reads its profiles",
          kPprofExtensions,
          holds,
          write_pprof,
          Compression::kGzip,
          true};
}

}  // namespace oc::format
