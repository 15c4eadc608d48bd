// perf's TRACING_DATA blob, and every format in it.

#include <cstdint>
#include <cstdlib>
#include <span>

#include "fuzz/target.h"
#include "source/tracing_data.h"

FUZZ_TARGET(tracing_data, data, size) {
  const auto tracing = oc::source::parse_tracing_data(std::span(data, size));
  if (!tracing) return 0;
  uint32_t last = 0;
  for (const auto& format : tracing->formats) {
    if (format.id < last) std::abort();
    last = format.id;
    if (tracing->find(format.id) == nullptr) std::abort();
    (void)tracing->load_format(format.id);
  }
  return 0;
}
