#include "symbol/name_source.h"

namespace oc::symbol {

std::string_view text_of(NameSource source) {
  switch (source) {
    case NameSource::kNone:
      return "nobody";
    case NameSource::kGiven:
      return "given";
    case NameSource::kSymtab:
      return ".symtab";
    case NameSource::kDebugFile:
      return "debug file";
    case NameSource::kMiniDebug:
      return ".gnu_debugdata";
    case NameSource::kDynsym:
      return ".dynsym";
    case NameSource::kPlt:
      return "PLT";
    case NameSource::kKallsyms:
      return "kallsyms";
    case NameSource::kBpf:
      return "BPF";
    case NameSource::kJit:
      return "jitdump";
    case NameSource::kPerfMap:
      return "perf map";
  }
  return "";
}

}  // namespace oc::symbol
