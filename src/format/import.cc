#include "format/import.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/bytes.h"
#include "base/mapping.h"
#include "format/exporter.h"
#include "format/unpack.h"

namespace oc::format {

using base::Code;
using base::make_error;

namespace {

constexpr uint64_t kUnpackedLimit = 1ull << 30;

/// Formats of pprof before profile.proto. Source: legacy_profile.go of google/pprof.
bool is_legacy_pprof(std::span<const uint8_t> bytes) {
  constexpr std::array<std::string_view, 6> kTexts{"heap profile:",   "--- heapz",
                                                   "--- contention",  "--- threadz",
                                                   "--- Memory map:", "MAPPED_LIBRARIES:"};
  const std::string_view text = text_of(bytes.first(std::min<size_t>(bytes.size(), 256)));
  for (const auto beginning : kTexts) {
    if (text.starts_with(beginning)) return true;
  }
  if (text.substr(0, text.find('\n')).find(" profile: total ") != std::string_view::npos)
    return true;
  // Of CPU profiles the first words are 0, 3, 0 (Java: 1), period, 0, in either size and byte order.
  const auto words = [&](size_t size, size_t low) {
    if (bytes.size() < 5 * size) return false;
    constexpr std::array<int, 5> kWords{0, 3, 0, -1, 0};
    for (size_t i = 0; i < 5 * size; ++i) {
      const size_t word = i / size;
      const bool is_java = word == 2 && i % size == low && bytes[i] == 1;
      if (kWords[word] < 0 || is_java) continue;
      if (bytes[i] != (i % size == low ? kWords[word] : 0)) return false;
    }
    return true;
  };
  return words(4, 0) || words(8, 0) || words(4, 3) || words(8, 7);
}

base::Error not_importable(std::span<const uint8_t> bytes, const std::string& name) {
  const std::string_view text = text_of(bytes);
  if (bytes.empty()) return make_error(Code::kInvalid, name + " is empty");
  if (is_legacy_pprof(bytes)) {
    return make_error(Code::kUnsupported, name + " is a profile in pprof's old format",
                      "convert it: pprof -proto " + name + " > profile.pb.gz");
  }
  if (text.starts_with("PERFILE2") || text.starts_with("2ELIFREP")) {
    return make_error(Code::kUsage, name + " is a recording (perf.data), no profile");
  }
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) {
    return make_error(Code::kUnsupported, name + " is text in UTF-16",
                      "convert it: iconv -f UTF-16 -t UTF-8 " + name);
  }
  const Exporter* const called = exporter_of_path(name);
  const bool is_text = std::find(bytes.begin(), bytes.end(), 0) == bytes.end();
  if (called != nullptr && called->name == "collapsed" && is_text) return no_stacks(bytes, name);
  return make_error(Code::kInvalid, name + " is neither a pprof profile nor collapsed stacks",
                    "what opens: perf.data, pprof (.pb.gz), lines of frame;frame;frame COUNT");
}

Imported import_unpacked(std::span<const uint8_t> bytes, const std::string& name, bool is_cut) {
  const Importable what = importable(bytes);
  if (what == Importable::kNone) return not_importable(bytes, name);
  Imported imported =
      what == Importable::kPprof ? import_pprof(bytes, is_cut) : import_collapsed(bytes, is_cut);
  if (!imported) return std::move(imported.error()).context(name);
  machine::TraceFacts& facts = (*imported)->facts;
  facts.name = name;
  if (is_cut)
    facts.notes.push_back("it ends in the middle of what was packed: this is what comes before");
  return imported;
}

}  // namespace

Importable importable(std::span<const uint8_t> bytes) {
  if (is_legacy_pprof(bytes)) return Importable::kNone;
  if (looks_like_pprof(bytes)) return Importable::kPprof;
  if (looks_like_collapsed(bytes)) return Importable::kCollapsed;
  return Importable::kNone;
}

Imported import_bytes(std::span<const uint8_t> bytes, const std::string& name,
                      uint64_t unpacked_limit) {
  if (compression_of_bytes(bytes) == Compression::kNone) return import_unpacked(bytes, name, false);
  auto unpacked = unpack(bytes, unpacked_limit);
  if (!unpacked) return std::move(unpacked.error()).context(name);
  if (unpacked->bytes.empty() && unpacked->is_cut)
    return make_error(Code::kInvalid, name + " is damaged: nothing of it can be unpacked");
  return import_unpacked(unpacked->bytes, name, unpacked->is_cut);
}

Imported import_file(const std::string& path) {
  auto file = base::Mapping::open(path);
  if (!file) return std::move(file.error());
  return import_bytes(file->bytes(), path, kUnpackedLimit);
}

}  // namespace oc::format
