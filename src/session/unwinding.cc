#include "session/unwinding.h"

#include <algorithm>
#include <array>
#include <exception>
#include <optional>

#include "base/thread.h"
#include "unwind/frame_room.h"

namespace oc::session {

using process::StackEnd;

namespace {

constexpr size_t kJobsAtOnce =
    64;  ///< jobs that an unwinder gets: more than it takes in turns, so it can fetch ahead
constexpr size_t kMostUserFrames = 2048;  ///< of one user stack
constexpr size_t kWorthAThread = 64;      ///< jobs

StackEnd end_of(unwind::End end) {
  switch (end) {
    case unwind::End::kComplete:
      return StackEnd::kComplete;
    case unwind::End::kStackEnd:
      return StackEnd::kStackCut;
    case unwind::End::kNoMapping:
      return StackEnd::kNoModule;
    case unwind::End::kUnreadable:
      return StackEnd::kNoFile;
    case unwind::End::kNoRules:
      return StackEnd::kNoRule;
    case unwind::End::kBadRule:
      return StackEnd::kBadRule;
    case unwind::End::kNoProgress:
      return StackEnd::kNoProgress;
    case unwind::End::kTooDeep:
      return StackEnd::kTooDeep;
    case unwind::End::kNoRegisters:
      return StackEnd::kUnsupported;
  }
  return StackEnd::kUnsupported;
}

/// One process's code as the unwinder asks for it; its notes are frame ids.
class MapFinder final : public unwind::CodeFinder {
 public:
  MapFinder(const process::CodeMap& map, FrameFinder& frames, RuleTables& rules)
      : map_(&map), frames_(frames), rules_(rules) {}

  uint64_t epoch() const override { return map_->generation(); }

  std::optional<unwind::CodeRange> find(uint64_t address) override {
    return rules_.find_range(*map_, address);
  }

  uint32_t note(const unwind::CodeRange& range, uint64_t address, bool is_return) override {
    const process::Frame frame{address - range.start + range.file_offset, {range.note}, is_return};
    return frames_.intern(frame).value;
  }

 private:
  const process::CodeMap* map_;
  FrameFinder& frames_;
  RuleTables& rules_;
};

}  // namespace

struct Unwinding::Half {
  std::span<UnwindJob> jobs;
  std::vector<uint32_t> found;  ///< frame ids of all jobs
  std::exception_ptr failure;   ///< of a library: no memory

  unwind::Unwinder unwinder;
  uint32_t version = 0;  ///< of the rules that it has notes of
  // For a few jobs at once.
  std::array<unwind::Registers, kJobsAtOnce> registers;
  std::array<unwind::Job, kJobsAtOnce> some;
  std::vector<MapFinder> finders;
  unwind::FrameRoom frames{kJobsAtOnce, kMostUserFrames};
};

Unwinding::Unwinding(FrameFinder& frames, RuleTables& rules, unwind::Arch arch)
    : frames_(frames), rules_(rules), arch_(arch), here_(std::make_unique<Half>()) {}

Unwinding::~Unwinding() {
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Unwinding::unwind_some(Half& half, std::span<UnwindJob> jobs) const {
  half.finders.clear();
  half.finders.reserve(kJobsAtOnce);
  for (size_t i = 0; i < jobs.size(); ++i) {
    const UnwindJob& wanted = jobs[i];
    half.registers[i] = unwind::read_registers(arch_, wanted.abi, wanted.mask, wanted.registers);
    half.finders.emplace_back(*wanted.map, frames_, rules_);
    unwind::Job& job = half.some[i] = {};
    job.registers = &half.registers[i];
    job.stack = wanted.stack;
    job.code = &half.finders.back();
    job.frames = half.frames.of(i);
  }
  half.unwinder.unwind(std::span(half.some).first(jobs.size()));
  for (size_t i = 0; i < jobs.size(); ++i) {
    const unwind::Job& done = half.some[i];
    jobs[i].first = static_cast<uint32_t>(half.found.size());
    jobs[i].count = done.count;
    jobs[i].end = end_of(done.end);
    for (const unwind::Frame& frame : done.frames.first(done.count)) {
      if (frame.note == 0) jobs[i].nowhere = frame.address;
      half.found.push_back(frame.note);
    }
  }
}

void Unwinding::unwind(Half& half) const {
  half.found.clear();
  half.failure = nullptr;
  if (half.version != rules_.version()) {  // what it has noted of addresses may be wrong now
    half.version = rules_.version();
    half.unwinder = unwind::Unwinder();
  }
  try {
    for (size_t at = 0; at < half.jobs.size(); at += kJobsAtOnce)
      unwind_some(half, half.jobs.subspan(at, std::min(kJobsAtOnce, half.jobs.size() - at)));
  } catch (const std::exception&) {
    half.failure = std::current_exception();
  }
}

void Unwinding::use_half(
    Half& half, const std::function<void(const UnwindJob&, std::span<const uint32_t>)>& use) {
  if (half.failure) std::rethrow_exception(half.failure);
  for (const UnwindJob& job : half.jobs) {
    const auto frames = std::span(half.found).subspan(job.first, job.count);
    for (uint32_t& frame : frames) {
      if (frame == 0) frame = frames_.user(*job.map, job.pid, job.nowhere, false).value;
    }
    frames_unwound_ += job.count;
    use(job, frames);
  }
}

void Unwinding::run(std::vector<UnwindJob>& jobs,
                    const std::function<void(const UnwindJob&, std::span<const uint32_t>)>& use) {
  rules_.forget_old();  // each half looks at the version before it uses what it has noted
  const bool shares = jobs.size() >= kWorthAThread;
  const size_t half = shares ? jobs.size() / 2 : jobs.size();
  here_->jobs = std::span(jobs).first(half);
  if (!shares) {
    unwind(*here_);
    return use_half(*here_, use);
  }
  std::stable_sort(jobs.begin(), jobs.end(),
                   [](const UnwindJob& a, const UnwindJob& b) { return a.pid < b.pid; });
  if (!there_) there_ = std::make_unique<Half>();
  there_->jobs = std::span(jobs).subspan(half);
  if (!thread_.joinable()) thread_ = base::start_thread([this] { work(); });
  {
    const std::lock_guard lock(mutex_);
    has_work_ = true;
  }
  changed_.notify_all();
  unwind(*here_);
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !has_work_; });
  }
  use_half(*here_, use);
  use_half(*there_, use);
}

void Unwinding::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return has_work_ || is_over_; });
    if (is_over_) return;
    lock.unlock();
    unwind(*there_);
    lock.lock();
    has_work_ = false;
    changed_.notify_all();
  }
}

}  // namespace oc::session
