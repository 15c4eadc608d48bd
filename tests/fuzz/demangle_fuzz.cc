// Names that somebody else mangled.

#include <cstdlib>

#include "symbol/demangle.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view name(reinterpret_cast<const char*>(data), size);
  for (const auto form : {oc::symbol::NameForm::kShort, oc::symbol::NameForm::kFull}) {
    if (oc::symbol::demangle(name, form).size() > (64 << 10) + size) std::abort();
  }
  return 0;
}
