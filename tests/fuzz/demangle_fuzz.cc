// Names that somebody else mangled.

#include <cstdlib>

#include "fuzz/target.h"
#include "symbol/demangle.h"

FUZZ_TARGET(demangle, data, size) {
  const std::string_view name(reinterpret_cast<const char*>(data), size);
  for (const auto form : {oc::symbol::NameForm::kShort, oc::symbol::NameForm::kFull}) {
    if (oc::symbol::demangle(name, form).size() > (64 << 10) + size) std::abort();
  }
  return 0;
}
