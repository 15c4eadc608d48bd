#include <sys/stat.h>

#include <fstream>

#include "abi/calls.h"
#include "abi/machine_handle.h"
#include "format/exporter.h"
#include "format/flame_diff.h"
#include "format/import.h"
#include "format/measure.h"
#include "format/output_file.h"
#include "format/parallel_exports.h"

namespace base = oc::base;
namespace format = oc::format;
using oc::abi::fail;
using oc::abi::guarded;
using oc::base::Code;
using oc::base::make_error;

struct oc_output {
  oc_machine& owner;
  std::unique_ptr<format::Output> output;
};

namespace {

/// An export never replaces what it is made of.
bool is_one_file(const std::string& a, const char* b) {
  struct stat left {
  }, right{};
  return !a.empty() && stat(a.c_str(), &left) == 0 && stat(b, &right) == 0 &&
         S_ISREG(left.st_mode) && left.st_dev == right.st_dev && left.st_ino == right.st_ino;
}

/// Owned by the static table.
const format::Exporter* choose(oc_machine& owner, const char* path, const char* name) {
  const format::Exporter* found =
      name == nullptr ? format::exporter_of_path(path) : format::find_exporter(name);
  if (found != nullptr) return found;
  std::string names;
  for (const format::Exporter& exporter : format::exporters())
    names += " " + std::string(exporter.name);
  const std::string what = name == nullptr ? std::string(path) + ": no format has this extension"
                                           : "there is no format '" + std::string(name) + "'";
  fail(owner, make_error(Code::kUsage, what, "there are:" + names));
  return nullptr;
}

/// Regular files whose bytes do not say that they are a perf.data: these alone are looked into.
bool may_be_profile(const char* path) {
  struct stat info {};
  if (stat(path, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size == 0) return false;
  char magic[8] = {};
  std::ifstream file(path, std::ios::binary);
  file.read(magic, sizeof magic);
  const std::string_view begin(magic, sizeof magic);
  return begin != "PERFILE2" && begin != "2ELIFREP" && begin != "PERFFILE";
}

format::Output::Options output_options(const char* path, bool overwrites) {
  std::string_view stem;
  format::Output::Options options;
  options.compression = format::compression_of(path, &stem);
  options.overwrites = overwrites;
  return options;
}

/// That is there, or can be: no stream, to which files go one after the other.
bool names_file(const std::string& path) {
  struct stat info {};
  if (format::names_stdout(path)) return false;
  return stat(path.c_str(), &info) != 0 || S_ISREG(info.st_mode);
}

base::Result<std::unique_ptr<format::Output>> open_export(const oc_machine& owner,
                                                          const format::Exporter& exporter,
                                                          const char* path, bool overwrites) {
  if (is_one_file(owner.machine->facts.name, path)) {
    return make_error(Code::kUsage, std::string(path) + " is the trace itself",
                      "give the export another name");
  }
  auto how = output_options(path, overwrites);
  how.compression = format::compression_for(exporter, path);
  how.packs_whole = names_file(path);
  return format::Output::open(path, how);
}

/// Given up when the user asks for a stop.
format::Export make_export(oc_machine& owner, const oc::machine::Selection& selection,
                           const oc_export_options& options) {
  format::Export what{*owner.machine, selection, "", true, true, {}};
  if (options.title != nullptr) what.title = options.title;
  what.inlined = options.no_inlined == 0;
  what.values = options.counts == 0;
  what.in_values = options.values != 0;
  what.is_mixed = options.mixed != 0;
  const uint32_t asked = owner.host == nullptr ? 0 : owner.host->stop_requests.load();
  what.progress = [host = owner.host, asked](double) {
    return host == nullptr || host->stop_requests.load() == asked;
  };
  return what;
}

}  // namespace

struct oc_exports {
  oc_exports(oc_selection& selection, const oc_export_options& options)
      : owner(selection.owner),
        format(options.format == nullptr ? "" : options.format),
        overwrites(options.overwrites != 0),
        chosen(oc::abi::current(selection)),
        jobs(make_export(owner, chosen, options)) {}

  oc_machine& owner;
  std::string format;
  bool overwrites;
  const oc::machine::Selection chosen;  ///< its own: threads read it as long as `jobs` is there
  oc::format::ParallelExports jobs;
};

extern "C" {

int oc_format_at(uint32_t index, oc_format* out) {
  static thread_local std::string extensions;
  const auto all = format::exporters();
  if (index >= all.size()) return 0;
  const format::Exporter& at = all[index];
  extensions.clear();
  for (const auto extension : at.extensions) {
    if (!extensions.empty()) extensions += ' ';
    extensions += extension;
  }
  const format::Holds& holds = at.holds;
  *out = {at.name.data(), at.summary.data(),   extensions.c_str(), holds.stacks,    holds.times,
          holds.threads,  holds.process_names, holds.lines,        holds.build_ids, holds.kinds,
          holds.spans,    holds.attributes,    holds.losses,       holds.is_binary};
  return 1;
}

const char* oc_format_of_path(const char* path) {
  const format::Exporter* found = format::exporter_of_path(path);
  return found == nullptr ? nullptr : found->name.data();
}

int oc_path_kind(const char* path) {
  struct stat info {};
  if (stat(path, &info) != 0) return 0;
  return S_ISREG(info.st_mode) ? 1 : S_ISDIR(info.st_mode) ? 2 : 3;
}

double oc_selection_export(oc_selection* selection, const char* path,
                           const oc_export_options* options) {
  oc_machine& owner = selection->owner;
  return guarded(owner, -1.0, [&]() -> double {
    const format::Exporter* exporter = choose(owner, path, options->format);
    if (exporter == nullptr) return -1;
    auto output = open_export(owner, *exporter, path, options->overwrites != 0);
    if (!output) return fail(owner, std::move(output.error()));
    const format::Export what = make_export(owner, oc::abi::current(*selection), *options);
    if (auto written = exporter->write(what, **output); !written) {
      return fail(owner, std::move(written.error()));
    }
    if (auto finished = (*output)->finish(); !finished) {
      return fail(owner, std::move(finished.error()));
    }
    return static_cast<double>((*output)->size_bytes());
  });
}

int oc_selection_has_measure(oc_selection* selection, const oc_export_options* options) {
  return guarded(selection->owner, 0, [&] {
    const auto what = make_export(selection->owner, oc::abi::current(*selection), *options);
    return format::measure_of(what).by_value ? 1 : 0;
  });
}

const char* oc_selection_folded_unit(oc_selection* selection, const oc_export_options* options) {
  static thread_local std::string unit;
  return guarded(selection->owner, "", [&] {
    const auto what = make_export(selection->owner, oc::abi::current(*selection), *options);
    unit = format::unit_of(format::folded_measure_of(what));
    return unit.c_str();
  });
}

int oc_exports_can(const char* path, const char* name) {
  const format::Exporter* exporter =
      name == nullptr ? format::exporter_of_path(path) : format::find_exporter(name);
  return exporter != nullptr && exporter->only_reads && names_file(path) ? 1 : 0;
}

oc_exports* oc_exports_new(oc_selection* selection, const oc_export_options* options) {
  return guarded(selection->owner, static_cast<oc_exports*>(nullptr),
                 [&] { return new oc_exports(*selection, *options); });
}

int oc_exports_add(oc_exports* exports, const char* path) {
  oc_machine& owner = exports->owner;
  return guarded(owner, -1, [&] {
    const format::Exporter* exporter =
        choose(owner, path, exports->format.empty() ? nullptr : exports->format.c_str());
    if (exporter == nullptr) return -1;
    auto output = open_export(owner, *exporter, path, exports->overwrites);
    if (output) {
      exports->jobs.add(*exporter, std::move(*output));
    } else {
      exports->jobs.add(std::move(output.error()));
    }
    return 0;
  });
}

void oc_exports_start(oc_exports* exports) {
  guarded(exports->owner, 0, [&] {
    exports->jobs.start();
    return 0;
  });
}

double oc_exports_finish(oc_exports* exports, uint32_t index) {
  oc_machine& owner = exports->owner;
  return guarded(owner, -1.0, [&]() -> double {
    auto bytes = exports->jobs.finish(index);
    return bytes ? static_cast<double>(*bytes) : fail(owner, std::move(bytes.error()));
  });
}

void oc_exports_close(oc_exports* exports) { delete exports; }

oc_machine* oc_profile_open(oc_host* host, const char* path, const char** problem,
                            const char** hint) {
  static thread_local oc::base::Error error;
  *problem = *hint = nullptr;
  try {
    if (!may_be_profile(path)) return nullptr;
    auto imported = format::import_file(path);
    if (imported) {
      auto made = std::make_unique<oc_machine>();
      made->owned = std::move(*imported);
      made->machine = made->owned.get();
      made->machine->facts.name = path;
      made->host = host;
      return made.release();
    }
    error = std::move(imported.error());
  } catch (const std::exception& failure) {
    error = make_error(Code::kSystem, std::string(path) + ": " + failure.what());
  }
  *problem = error.what.c_str();
  *hint = error.hint.c_str();
  return nullptr;
}

void oc_profile_close(oc_machine* machine) { delete machine; }

double oc_graph_write_diff(oc_graph* before, oc_graph* after, const char* path,
                           const oc_diff_options* options) {
  oc_machine& owner = after->owner;
  return guarded(owner, -1.0, [&]() -> double {
    auto output = format::Output::open(path, output_options(path, options->overwrites != 0));
    if (!output) return fail(owner, std::move(output.error()));
    format::Measure measure;
    measure.by_value = options->counts == 0;
    if (options->unit != nullptr) measure.unit = options->unit;
    measure.type = static_cast<oc::machine::ValueType>(std::min(options->type, 3u));
    format::FlameDiff diff{before->graph,           after->graph, measure, options->scale,
                           options->by_before != 0, "",           {}};
    if (options->title != nullptr) diff.title = options->title;
    if (auto written = format::write_flame_diff(diff, **output); !written) {
      return fail(owner, std::move(written.error()));
    }
    if (auto finished = (*output)->finish(); !finished) {
      return fail(owner, std::move(finished.error()));
    }
    return static_cast<double>((*output)->size_bytes());
  });
}

oc_output* oc_output_open(oc_machine* owner, const char* path, int overwrites) {
  return guarded(*owner, static_cast<oc_output*>(nullptr), [&]() -> oc_output* {
    auto output = format::Output::open(path, output_options(path, overwrites != 0));
    if (!output) {
      fail(*owner, std::move(output.error()));
      return nullptr;
    }
    return new oc_output{*owner, std::move(*output)};
  });
}

void oc_output_write(oc_output* output, const char* bytes, size_t size_bytes) {
  output->output->write(std::string_view(bytes, size_bytes));
}

int oc_output_finish(oc_output* output) {
  const std::unique_ptr<oc_output> owned(output);
  return guarded(output->owner, -1, [&] {
    auto finished = output->output->finish();
    return finished ? 0 : fail(output->owner, std::move(finished.error()));
  });
}

void oc_output_abandon(oc_output* output) { delete output; }

}  // extern "C"
