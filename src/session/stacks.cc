#include "session/stacks.h"

#include <sys/mman.h>

#include <algorithm>

#include "base/byte_sink.h"

namespace oc::session {

StackBuilder* Stacks::start(const event::EventTable& events, const source::TraceFacts* facts) {
  if (!is_declared()) return nullptr;
  tables_ = std::make_unique<StackTables>(strings_);
  builder_ = std::make_unique<StackBuilder>(*tables_, events, mode_);
  places_ = std::make_unique<Places>(*tables_);
  if (facts != nullptr) builder_->code().add_build_ids(facts->build_ids);
  return builder_.get();
}

StackBuilder* Stacks::start_live(const perf::LiveSource& live,
                                 const std::vector<sys::ThreadInfo>& threads) {
  if (start(live.events(), nullptr) == nullptr) return nullptr;
  perf::SidebandExtras extras;
  extras.build_ids = true;
  files_ = std::make_unique<perf::Rundown>(0, extras);
  base::ByteSink records;
  files_->add_kernel(records);
  for (const sys::ThreadInfo& thread : threads) {
    if (thread.pid == thread.tid) files_->add_thread(thread, records);
  }
  CodeRecords& code = builder_->code();
  code.apply_all(records.bytes());
  code.set_look_at_file([this](int32_t pid, const process::Mapping& mapping) {
    perf::MapsLine line;
    line.start = mapping.start;
    line.end = mapping.start + mapping.size_bytes;
    line.prot = PROT_EXEC;
    line.major = static_cast<uint32_t>(mapping.device >> 32);
    line.minor = static_cast<uint32_t>(mapping.device);
    line.inode = mapping.inode;
    line.path = mapping.path;
    const perf::MappedFile* const file = files_->find_file(pid, line);
    return file == nullptr ? process::BuildId() : process::BuildId(file->build_id);
  });
  return builder_.get();
}

void Stacks::resolve(std::span<const uint32_t> stacks) {
  if (!places_) return;
  std::vector<process::FrameId> frames;
  for (const uint32_t id : stacks) {
    if (id > tables_->stacks.size()) continue;
    for (const uint32_t frame : tables_->stacks.find(process::StackId{id}).frames)
      frames.push_back({frame});
  }
  std::sort(frames.begin(), frames.end(), [](auto a, auto b) { return a.value < b.value; });
  frames.erase(std::unique(frames.begin(), frames.end()), frames.end());
  places_->resolve(frames);
}

}  // namespace oc::session
