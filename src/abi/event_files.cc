#include <linux/perf_event.h>
#include <sys/stat.h>

#include <cstring>
#include <memory>

#include "abi/calls.h"
#include "event/kernel_record.h"
#include "format/event_writer.h"
#include "format/output.h"
#include "source/run_scan.h"

extern "C" {
#include "abi/event_files.h"
}

namespace format = oc::format;
using oc::abi::fail;
using oc::base::Code;
using oc::base::make_error;
using oc::session::EventKinds;

struct oc_event_file {
  oc_session& owner;
  oc::session::TraceSubset* subset = nullptr;  ///< of the session; or the next two
  std::unique_ptr<format::Output> output;
  std::unique_ptr<format::EventWriter> writer;
  std::vector<uint32_t> place_of_kind;  ///< by kind; UINT32_MAX: not of this table
  bool has_failed = false;              ///< memory ended
  uint64_t count = 0;                   ///< events
};

namespace {

constexpr uint32_t kNone = UINT32_MAX;

format::EventColumns columns_of(const EventKinds& kinds, uint32_t number) {
  format::EventColumns columns;
  columns.name = kinds.name(number);
  columns.format = kinds.format(number);
  if (const auto* sample = kinds.sample(number); sample != nullptr) {
    columns.period = sample->layout.period;
    columns.ip = sample->layout.ip;
    columns.addr = sample->layout.addr;
  }
  return columns;
}

format::EventTableFormat format_of(const char* name) {
  if (std::strcmp(name, "csv") == 0) return format::EventTableFormat::kCsv;
  return std::strcmp(name, "sqlite") == 0 ? format::EventTableFormat::kSqlite
                                          : format::EventTableFormat::kJsonLines;
}

void add(oc_event_file& file, const oc_event& event) {
  if (file.subset != nullptr) {
    ++file.count;
    return file.subset->add(event);
  }
  if (event.event >= file.place_of_kind.size()) return;
  const uint32_t place = file.place_of_kind[event.event];
  if (place == kNone) return;
  ++file.count;
  format::EventRow row;
  row.time = static_cast<int64_t>(event.time);
  row.kind = place;
  row.comm = oc::base::StringId{event.comm};
  row.cpu = event.cpu;
  row.pid = event.pid;
  row.tid = event.tid;
  row.record = event.record;
  row.payload = {event.payload, event.payload_size};
  file.writer->add(row);
}

oc::base::Result<uint64_t> finish(oc_event_file& file) {
  if (file.has_failed) return make_error(Code::kSystem, "there is not enough memory for a row");
  if (file.subset != nullptr) {
    if (auto written = file.subset->finish(); !written) return std::move(written.error());
    return file.subset->size_bytes();
  }
  auto& session = file.owner.session;
  format::EventTableFacts facts;
  facts.start_ns = session.counts().start_time;
  facts.wall_offset = session.input().wall_offset();
  for (const auto& loss : session.losses()) {
    auto& told = facts.losses.emplace_back();
    told.cpu = loss.cpu;
    told.records = loss.records;
    if (loss.event != oc::event::EventTable::kUnknown)
      told.event = session.kinds().name(EventKinds::number_of_sample(loss.event));
  }
  if (auto written = file.writer->finish(facts); !written) return std::move(written.error());
  if (auto finished = file.output->finish(); !finished) return std::move(finished.error());
  return file.output->size_bytes();
}

/// It goes, with what is not finished.
void close(oc_event_file* file) {
  oc_session& session = file->owner;
  if (file->subset != nullptr) session.session.close_subset(file->subset);
  std::erase_if(session.event_files, [&](const auto& at) { return at.get() == file; });
}

oc_event_file* keep(oc_session& session, std::unique_ptr<oc_event_file> file) {
  oc_event_file* kept = file.get();
  session.event_files.emplace_back(file.release(), [](oc_event_file* gone) { delete gone; });
  return kept;
}

}  // namespace

extern "C" {

oc_event_file* oc_event_file_open(oc_session* session, const char* path, const char* format_name,
                                  const uint32_t* kinds, uint32_t count, int overwrites) {
  oc_event_file* made = nullptr;
  oc::abi::guarded(session, [&] {
    auto file = std::make_unique<oc_event_file>(
        oc_event_file{*session, nullptr, nullptr, nullptr, {}, false, 0});
    if (std::strcmp(format_name, "perfdata") == 0) {
      auto subset = session->session.open_subset(path);
      if (!subset) return fail(session, std::move(subset.error()));
      file->subset = *subset;
      made = keep(*session, std::move(file));
      return 0;
    }
    std::string_view stem;
    format::Output::Options options;
    options.compression = format::compression_of(path, &stem);
    options.overwrites = overwrites != 0;
    auto output = format::Output::open(path, options);
    if (!output) return fail(session, std::move(output.error()));
    file->output = std::move(*output);
    std::vector<format::EventColumns> columns;
    for (uint32_t i = 0; i < count; ++i) {
      if (kinds[i] >= file->place_of_kind.size()) file->place_of_kind.resize(kinds[i] + 1, kNone);
      if (file->place_of_kind[kinds[i]] != kNone) continue;
      file->place_of_kind[kinds[i]] = static_cast<uint32_t>(columns.size());
      columns.push_back(columns_of(session->session.kinds(), kinds[i]));
    }
    auto writer = format::make_event_writer(format_of(format_name), std::move(columns),
                                            session->session.model().strings, *file->output);
    if (!writer) return fail(session, std::move(writer.error()));
    file->writer = std::move(*writer);
    made = keep(*session, std::move(file));
    return 0;
  });
  return made;
}

int oc_kernel_record_is_of_a_moment(uint32_t kind) {
  constexpr uint32_t kTypes = 64;
  for (uint32_t type = 0; type < kTypes; ++type) {
    for (const uint16_t misc : {0, PERF_RECORD_MISC_SWITCH_OUT}) {
      if (oc::event::kernel_record_of(type, misc) == static_cast<int>(kind))
        return oc::source::is_of_a_moment(type);
    }
  }
  return 0;
}

void oc_event_file_add(oc_event_file* file, const oc_event* event) {
  if (file == nullptr) return;
  try {
    add(*file, *event);
  } catch (const std::exception&) {
    file->has_failed = true;
  }
}

double oc_event_file_count(const oc_event_file* file) { return static_cast<double>(file->count); }

double oc_event_file_finish(oc_event_file* file) {
  if (file == nullptr) return -1;
  oc_session* session = &file->owner;
  double bytes = -1;
  oc::abi::guarded(session, [&] {
    auto size = finish(*file);
    if (!size) return fail(session, std::move(size.error()));
    bytes = static_cast<double>(*size);
    return 0;
  });
  close(file);
  return bytes;
}

void oc_event_file_abandon(oc_event_file* file) {
  if (file != nullptr) close(file);
}

}  // extern "C"
