#include "session/stacks.h"

#include <time.h>

#include <algorithm>

#include "base/byte_sink.h"
#include "session/bpf_programs.h"
#include "sys/host.h"

namespace oc::session {

namespace {

/// Whether times of the trace are those that compilers write into their dumps.
bool is_monotonic(const event::EventTable& events) {
  for (uint32_t i = 0; i < events.size(); ++i) {
    const auto& attr = events[i].attr;
    if (attr.use_clockid == 0 || attr.clockid != CLOCK_MONOTONIC) return false;
  }
  return events.size() > 0;
}

bool is_arm64(const std::string& arch) { return arch == "aarch64" || arch == "arm64"; }

}  // namespace

void Stacks::start(const event::EventTable& events, const source::TraceFacts* facts) {
  if (!is_declared()) return;
  const sys::HostFacts host = sys::load_host_facts();
  const bool tells_arch = facts != nullptr && !facts->arch.empty();
  if (is_arm64(tells_arch ? facts->arch : host.arch)) arch_ = unwind::Arch::kArm64;
  if (facts != nullptr) {
    origin_.is_this_machine =
        origin_.archive.empty() && (facts->host.empty() || facts->host == host.name);
    origin_.is_running_kernel = false;
    origin_.release = facts->kernel;
  }
  origin_.tells_code = is_monotonic(events);
  tables_ = std::make_unique<StackTables>(strings_);
  tables_->spaces.set_log(log_);
  builder_ = std::make_unique<StackBuilder>(
      *tables_, events, mode_, [this](FrameFinder& frames) { return make_unwinding(frames); });
  names_ = std::make_unique<FrameNames>(*tables_, origin_, given_, kept_);
  if (origin_.tells_code) {
    jit_ = std::make_unique<JitCode>(tables_->spaces, tables_->modules, places_of(origin_));
    builder_->code().set_jit_code(*jit_);
  }
  if (facts != nullptr) builder_->code().add_build_ids(facts->build_ids);
}

std::unique_ptr<Unwinding> Stacks::make_unwinding(FrameFinder& frames) {
  symbol::Places places = places_of(origin_);
  if (is_live_) places.debuginfod = nullptr;  // rings would overflow while a server answers
  rules_ = std::make_unique<RuleTables>(tables_->modules, places, kept_, &given_unwind_);
  return std::make_unique<Unwinding>(frames, *rules_, arch_);
}

void Stacks::start_live(const perf::LiveSource& live, const std::vector<sys::ThreadInfo>& threads) {
  is_live_ = true;
  start(live.events(), nullptr);
  if (!builder_) return;
  if (jit_) jit_->set_live();
  perf::SidebandExtras extras;
  extras.ksymbols = true;
  files_ = std::make_unique<perf::Rundown>(0, extras);
  const auto look_at = [this](int32_t pid, base::Nanos time, process::Mapping& mapping) {
    kept_.look_at(files_->files(), pid, time, mapping);
  };
  builder_->code().set_look_at_file(look_at);
  base::ByteSink records;
  files_->add_kernel(records);
  BpfPrograms().list(*files_, records);
  for (const sys::ThreadInfo& thread : threads) files_->add_thread(thread, records);
  builder_->code().apply_all(records.bytes());
}

void Stacks::add_symbol(const std::string& module, uint64_t offset, uint64_t size_bytes,
                        std::string_view name) {
  given_.by_module[module].push_back({offset, size_bytes, std::string(name)});
  ++given_.changes;
}

void Stacks::resolve(std::span<const uint32_t> stacks) {
  if (!names_) return;
  std::vector<process::FrameId> frames;
  for (const uint32_t id : stacks) {
    if (id > tables_->stacks.size()) continue;
    for (const uint32_t frame : tables_->stacks.find(process::StackId{id}).frames)
      frames.push_back({frame});
  }
  std::sort(frames.begin(), frames.end(), [](auto a, auto b) { return a.value < b.value; });
  frames.erase(std::unique(frames.begin(), frames.end()), frames.end());
  names_->resolve(frames);
}

}  // namespace oc::session
