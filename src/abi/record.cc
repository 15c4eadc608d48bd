#include "abi/calls.h"

using namespace oc::abi;

extern "C" {

void oc_host_go_on(oc_host* host) {
  host->stop_requests = 0;
  host->last_signal = 0;
}

int oc_session_record(oc_session* session, const oc_run* run, const oc_recording* recording) {
  session->host.is_running = true;
  const int started = guarded(session, [&] {
    oc::session::RecordOptions options;
    options.output = recording->output;
    options.compression = recording->compression;
    options.max_bytes = whole(recording->max_bytes);
    options.rotate_bytes = whole(recording->rotate_bytes);
    options.rotate_time = whole(recording->rotate_ns);
    options.rotate_files = recording->rotate_files;
    options.overwrite = {whole(recording->overwrite_ns), whole(recording->overwrite_bytes)};
    options.memory_bytes = whole(recording->memory_bytes);
    options.keeps_stacks = recording->keeps_stacks != 0;
    options.kernel_build_ids = recording->kernel_build_ids != 0;
    options.version = std::string("oc-") + OC_VERSION;
    oc::abi::begin_run(session);
    auto status = session->session.start_recording(read_run(session, run), std::move(options));
    if (!status) return fail(session, std::move(status.error()));
    if (session->session.records_ahead()) return 0;
    const std::lock_guard lock(session->host.mutex);
    session->host.active = session;
    return 0;
  });
  if (started != 0 || session->session.records_ahead()) session->host.is_running = false;
  return started;
}

int oc_session_record_ahead(oc_session* session) {
  return guarded(session, [&] {
    session->session.record_ahead();
    return 0;
  });
}

int oc_session_dump(oc_session* session, const char* path) {
  return guarded(session, [&] {
    auto status = session->session.dump(path);
    return status ? 0 : fail(session, std::move(status.error()));
  });
}

int oc_session_recorded(oc_session* session, oc_recorded* out) {
  *out = oc_recorded{};
  out->path = "";
  return guarded(session, [&] {
    const auto* recording = session->session.recording();
    if (recording == nullptr) return 0;
    const auto& recorder = recording->recorder();
    if (!recorder.files().empty()) out->path = recorder.files().back().path.c_str();
    out->files = static_cast<uint32_t>(recorder.files().size());
    for (const auto& file : recorder.files())
      out->file_bytes += static_cast<double>(file.size_bytes);
    out->record_bytes = static_cast<double>(recorder.record_bytes());
    out->samples = static_cast<double>(recorder.samples());
    out->records = static_cast<double>(recorder.records());
    out->elapsed_ns = static_cast<double>(recorder.elapsed());
    out->first_ns = static_cast<double>(recorder.first());
    out->last_ns = static_cast<double>(recorder.last());
    if (const auto* stacks = recorder.stacks(); stacks != nullptr) {
      out->stacks = static_cast<double>(stacks->stacks);
      out->stack_frames = static_cast<double>(stacks->frames);
    }
    const auto& failure = recording->failure();
    return failure ? fail(session, *failure) : 0;
  });
}

const char* oc_session_recorded_end(oc_session* session, uint32_t index, double* stacks) {
  *stacks = 0;
  if (index >= oc::session::FoldCounts::kEnds) return nullptr;
  const auto* recording = session->session.recording();
  const auto* counts = recording == nullptr ? nullptr : recording->recorder().stacks();
  if (counts != nullptr) *stacks = static_cast<double>(counts->by_end[index]);
  return oc::session::FoldCounts::words(index).data();
}

double oc_session_recorded_samples(oc_session* session, uint32_t kind) {
  return guarded_or(0.0, [&] {
    const auto* recording = session->session.recording();
    if (recording == nullptr) return 0.0;
    const uint32_t event = oc::session::EventKinds::index_of_sample(kind);
    double samples = 0;
    for (const auto& file : recording->recorder().files())
      if (event < file.samples.size()) samples += static_cast<double>(file.samples[event]);
    return samples;
  });
}

}  // extern "C"
