#include "support/exercise_import.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "format/exporter.h"
#include "format/pprof_profile.h"

namespace oc::test {

namespace {

[[noreturn]] void fail(const char* what) {
  fprintf(stderr, "exercise_import: %s\n", what);
  std::abort();
}

std::string exported(machine::Machine& machine, std::string_view format) {
  const auto selection = machine::Selection::make(machine, {});
  if (!selection) fail("no selection");
  std::string bytes;
  const auto out = format::Output::into(bytes);
  const format::Export what{machine, *selection, "", true, true, {}};
  if (!format::find_exporter(format)->write(what, *out) || !out->finish()) fail("not written");
  return bytes;
}

struct Total {
  double sum = 0, size = 0;
  bool is_whole = true;
};

/// Of what is exported where nothing is chosen: of several values of the same samples that is one.
Total total_of(machine::Machine& machine) {
  Total total;
  const auto selection = machine::Selection::make(machine, {});
  if (!selection) fail("no selection");
  selection->for_each([&](const machine::Sample& sample, uint64_t) {
    total.sum += sample.value;
    total.size += std::abs(sample.value);
    total.is_whole &= sample.value == std::trunc(sample.value);
  });
  return total;
}

}  // namespace

void exercise_import(const format::Imported& imported) {
  if (!imported) {
    if (imported.error().what.empty()) fail("an error without a word");
    return;
  }
  machine::Machine& machine = **imported;
  for (const auto* name : {"collapsed", "speedscope", "csv", "jsonl"}) exported(machine, name);
  const std::string bytes = exported(machine, "pprof");
  const std::span<const uint8_t> span(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  const auto profile = format::pprof::Profile::read(span);
  if (!profile || profile->is_cut || profile->bad_references != 0 || profile->bad_messages != 0) {
    fail("what we wrote is damaged");
  }
  if (!format::looks_like_pprof(span)) fail("what we wrote is not known as a profile");
  const auto again = format::import_pprof(span, false);
  if (!again) fail("what we wrote does not open");
  const Total before = total_of(machine), after = total_of(**again);
  if (!before.is_whole || before.size > 9e15) return;  // rounded, or beyond what a double counts
  if (after.sum != before.sum) {
    fprintf(stderr, "%.17g, %.17g read back\n", before.sum, after.sum);
    fail("another sum");
  }
}

}  // namespace oc::test
