#pragma once

#include "format/exporter.h"

namespace oc::format {

// One for each file of this room that writes a format.
Exporter chrome_exporter();
Exporter collapsed_exporter();
Exporter csv_exporter();
Exporter firefox_exporter();
Exporter flame_graph_exporter();
Exporter html_report_exporter();
Exporter json_lines_exporter();
Exporter nettrace_exporter();
Exporter perfetto_exporter();
Exporter perfview_exporter();
Exporter perfview_zip_exporter();
Exporter pprof_exporter();
Exporter speedscope_exporter();
Exporter sqlite_exporter();

}  // namespace oc::format
