#include "session/file_input.h"

#include "source/sample_span.h"

namespace oc::session {

base::Result<std::vector<uint32_t>> FileInput::resolve(const std::string& name,
                                                       const LiveSettings& /*settings*/) {
  return named_.resolve(name, trace_->path(), true);
}

base::Status FileInput::start(const RunOptions& options, TraceModel& model, Selection& selection) {
  if (archive_ && model.stacks.is_declared()) {
    if (auto unpacked = archive_->unpack(); !unpacked) return unpacked;
    model.stacks.use_archive(archive_->archive(), archive_->folder());
  }
  is_started_ = true;
  model.stacks.start(trace_->events(), &trace_->facts());
  selection.is_live = trace_->is_live();
  return options.window.needs_samples() ? mark_samples(selection.marks) : base::Status();
}

/// When the first and the last sample were, as the header tells or the file itself.
base::Status FileInput::mark_samples(TimeMarks& marks) const {
  source::SampleSpan span{trace_->facts().first_sample, trace_->facts().last_sample};
  if (span.last == 0 && trace_->plain_file() != nullptr)
    span = source::find_sample_span(*trace_->plain_file());
  marks.first_sample = span.first;
  marks.last_sample = span.last;
  if (span.last != 0) return {};
  const char* const why = trace_->plain_file() != nullptr ? " has no sample with a time"
                                                          : " does not tell when its samples end";
  return base::make_error(base::Code::kInvalid,
                          trace_->path() + why + ", so there is no end to count from",
                          "count from its beginning, as in --time 1s,3s");
}

std::vector<std::string> FileInput::notes(bool is_at_rest) const {
  auto notes = is_at_rest ? trace_->source().notes() : trace_->notes();
  if (archive_ && !archive_->damage().empty()) notes.push_back(archive_->damage());
  return notes;
}

bool FileInput::is_damaged(bool is_at_rest) const {
  if (archive_ && !archive_->damage().empty()) return true;
  return is_at_rest ? trace_->source().is_damaged() : trace_->is_truncated();
}

void FileInput::stop() {
  if (is_started_) trace_->source().wake();
}

}  // namespace oc::session
