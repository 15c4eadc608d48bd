// Writes an export of a machine made by hand: write_export FORMAT WHAT FILE. The Python tests beside it open the file with
// readers that we did not write.
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include "format/exporter.h"
#include "format/flame_diff.h"
#include "machine/graph.h"
#include "support/export_worlds.h"

using namespace oc;

namespace {

int fail(const base::Error& error) {
  fprintf(stderr, "write_export: %s\n", error.what.c_str());
  return 1;
}

base::Status write_diff(format::Output& out) {
  machine::Machine before, after;
  test::fill_web(before);
  test::fill_web_later(after);
  const auto first = machine::Selection::make(before, {}),
             second = machine::Selection::make(after, {});
  machine::GraphOptions options;
  options.by_comm = true;
  const auto left = machine::Graph::make(*first, options),
             right = machine::Graph::make(*second, options);
  return format::write_flame_diff({left, right, {}, 0, false, "before and after", {}}, out);
}

base::Status write(const std::string& format, const std::string& what, format::Output& out) {
  if (format == "flamediff") return write_diff(out);
  machine::Machine machine;
  if (!test::fill(machine, what)) {
    return base::make_error(base::Code::kNotFound, "no such machine: " + what);
  }
  const format::Exporter* exporter = format::find_exporter(format);
  if (exporter == nullptr)
    return base::make_error(base::Code::kNotFound, "no such format: " + format);
  const auto selection = machine::Selection::make(machine, {});
  return exporter->write({machine, *selection, {}, true, true, {}}, out);
}

}  // namespace

int main(int count, char** words) {
  if (count != 4) {
    fputs("write_export FORMAT WHAT FILE\n", stderr);
    return 2;
  }
  const format::Exporter* exporter = format::find_exporter(words[1]);
  format::Output::Options options;
  if (exporter != nullptr) options.compression = format::compression_for(*exporter, words[3]);
  auto out = format::Output::open(words[3], options);
  if (!out) return fail(out.error());
  if (auto status = write(words[1], words[2], **out); !status) return fail(status.error());
  if (auto status = (*out)->finish(); !status) return fail(status.error());
  return 0;
}
