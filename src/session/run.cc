#include "session/run.h"

#include <utility>

namespace oc::session {

namespace {

Selection with_batches_ahead(Selection selection, bool may_run_ahead) {
  selection.batches_ahead = may_run_ahead ? Pump::kBatches - 1 : 0;
  return selection;
}

}  // namespace

Run::Run(TraceInput& input, TraceModel& model, Selection selection)
    : input_(input),
      window_(selection.window),
      stacks_(model.stacks.builder()),
      decoder_(input.source(), model,
               with_batches_ahead(std::move(selection), input.may_run_ahead())) {
  pump_.emplace([this](auto wait, Batch& batch) { return fill(wait, batch); });
  if (input.may_run_ahead()) pump_->start_ahead();
}

/// On the decoder's thread: a batch as the script gets it. What is to be found out about all its events together
/// (stacks, say) follows the decoder here, while the bytes that they point to are lent.
base::Status Run::fill(std::chrono::milliseconds wait, Batch& batch) {
  auto status = decoder_.fill(wait, batch);
  if (stacks_ != nullptr) stacks_->finish_batch();
  return status;
}

base::Result<const Batch*> Run::next(std::chrono::milliseconds wait) {
  if (!pump_) return static_cast<const Batch*>(nullptr);
  auto batch = pump_->next(input_.before_batch(wait));
  if (batch && *batch != nullptr) counts_ = (*batch)->counts;
  is_read_ = !batch || *batch == nullptr || (*batch)->is_last;
  return batch;
}

void Run::finish() { pump_.reset(); }

std::string Run::describe_miss() const {
  return is_read_ && !is_stopped_ ? session::describe_miss(window_, counts_) : std::string();
}

}  // namespace oc::session
