#include <array>

#include "format/exporter.h"
#include "format/formats.h"

namespace oc::format {

namespace {

/// By name.
const std::array kExporters{
    chrome_exporter(),      collapsed_exporter(),   csv_exporter(),          firefox_exporter(),
    flame_graph_exporter(), html_report_exporter(), json_lines_exporter(),   nettrace_exporter(),
    perfetto_exporter(),    perfview_exporter(),    perfview_zip_exporter(), pprof_exporter(),
    speedscope_exporter(),  sqlite_exporter(),
};

}  // namespace

void name_frames(const Export& what) {
  if (!what.is_named) machine::resolve_stacks(what.machine, what.selection.used_stacks(), false);
}

std::span<const Exporter> exporters() { return kExporters; }

const Exporter* find_exporter(std::string_view name) {
  for (const Exporter& exporter : kExporters) {
    if (exporter.name == name) return &exporter;
  }
  return nullptr;
}

const Exporter* exporter_of_path(std::string_view path) {
  std::string_view stem;
  compression_of(path, &stem);
  const Exporter* best = nullptr;
  size_t longest = 0;
  for (const Exporter& exporter : kExporters) {
    for (const std::string_view extension : exporter.extensions) {
      // Some have the compression's extension in their own: ".pb.gz".
      if (extension.size() <= longest ||
          (!path.ends_with(extension) && !stem.ends_with(extension))) {
        continue;
      }
      best = &exporter;
      longest = extension.size();
    }
  }
  return best;
}

Compression compression_for(const Exporter& exporter, std::string_view path) {
  std::string_view stem;
  const Compression named = compression_of(path, &stem);
  return named == Compression::kNone ? exporter.usual_compression : named;
}

}  // namespace oc::format
