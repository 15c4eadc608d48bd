#include "session/trace_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

namespace oc::session {

base::Result<std::unique_ptr<TraceFile>> TraceFile::begin(source::TraceOutput output,
                                                          const TraceBeginning& beginning,
                                                          const event::EventTable& events,
                                                          const event::EventTable& stored) {
  std::unique_ptr<TraceFile> file(new TraceFile(std::move(output), beginning.compression, events));
  const auto status = file->writer_.begin(stored, beginning.features, beginning.tracing_data,
                                          beginning.most_round_bytes);
  if (status) return file;
  file->discard();
  return status.error();
}

base::Status TraceFile::append(std::span<const source::Span> spans, bool ends_round) {
  auto status = writer_.append(spans, ends_round);
  uint64_t left = writer_.kept_bytes();
  for (source::Span span : spans) {
    const auto size = std::min(left, static_cast<uint64_t>(span.end - span.begin));
    span.end = span.begin + size;
    tally_.add(span);
    left -= size;
  }
  return status;
}

base::Status TraceFile::finish(source::FeatureSections more) {
  more.add_build_ids(tally_.build_ids());
  more.add_sample_times(tally_.first(), tally_.last());
  auto written = writer_.finish(more);
  auto renamed = output_.finish();
  return written ? std::move(renamed) : std::move(written);
}

std::string numbered_path(const std::string& path, uint32_t number) {
  const size_t slash = path.rfind('/');
  const size_t name = slash == std::string::npos ? 0 : slash + 1;
  const size_t dot = path.rfind('.');
  const size_t at = dot == std::string::npos || dot <= name ? path.size() : dot;
  return fmt::format("{}.{:04}{}", path.substr(0, at), number, path.substr(at));
}

std::string older_files_note(const std::string& path, uint32_t from) {
  uint32_t end = from;
  while (access(numbered_path(path, end).c_str(), F_OK) == 0) ++end;
  if (end == from) return {};
  const std::string last = end - from > 1 ? " to " + numbered_path(path, end - 1) : "";
  return fmt::format("{}{} {} of an earlier recording", numbered_path(path, from), last,
                     end - from > 1 ? "are" : "is");
}

}  // namespace oc::session
