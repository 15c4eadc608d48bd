// What a session tells of its run: losses, notes, damage, the command's end.

#include <sys/wait.h>

#include <map>

#include "session/session.h"

namespace oc::session {

/// The kernel's own numbers, by CPU and event, are whole, but only there at the end and since Linux 6.0;
/// where LOST records told of more on a CPU (a descriptor could not be read), the rest is added.
std::vector<source::Loss> Session::losses() const {
  if (is_over_ || (!decoder_ && !recorder_)) return losses_;
  if (file_) return decoder_->losses();
  std::vector<source::Loss> losses;
  if (live_ && live_->is_finished()) losses = live_->final_losses();
  if (fed_) losses = fed_->final_losses();
  std::map<int32_t, uint64_t> counted;
  for (const source::Loss& loss : losses) counted[loss.cpu] += loss.records;
  const auto told_by_records = recorder_ ? recorder_->lost_by_cpu() : decoder_->lost_by_cpu();
  for (const auto& [cpu, told] : told_by_records) {
    if (told <= counted[cpu]) continue;
    source::Loss rest;
    rest.cpu = cpu;
    rest.records = told - counted[cpu];
    losses.push_back(rest);
  }
  return losses;
}

std::vector<std::string> Session::notes() const {
  if (live_) {
    auto notes = live_->notes();
    if (auto note = overhead_note(); !note.empty()) notes.push_back(std::move(note));
    if (recorder_) notes.insert(notes.end(), recorder_->notes().begin(), recorder_->notes().end());
    return notes;
  }
  if (!file_) return final_notes_;
  // The source belongs to the decoder's thread as long as that runs.
  if (!decoder_is_done_ && pump_) return file_->notes();
  auto notes = file_->source().notes();
  const std::string miss = decoder_is_done_ ? describe_miss(window_, counts_) : std::string();
  if (!miss.empty()) notes.push_back(file_->path() + ": " + miss);
  return notes;
}

bool Session::is_damaged() const {
  if (!file_) return false;
  return decoder_is_done_ || !pump_ ? file_->source().is_damaged() : file_->is_truncated();
}

std::optional<int> Session::command_status() const {
  if (!live_) return command_status_;
  const auto status = live_->command_status();
  if (!status) return std::nullopt;
  return WIFSIGNALED(*status) ? 128 + WTERMSIG(*status) : WEXITSTATUS(*status);
}

}  // namespace oc::session
