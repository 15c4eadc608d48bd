#include <fmt/format.h>

#include <exception>
#include <memory>

#include "abi/host.h"
#include "base/nearest.h"
#include "symbol/build_id_path.h"
#include "symbol/debuginfod.h"
#include "symbol/demangle.h"
#include "symbol/file_symbols.h"

extern "C" {
#include "abi/symbols.h"
}

using oc::symbol::Findings;
using oc::symbol::NameSource;

struct oc_symbols {
  std::unique_ptr<oc::symbol::Debuginfod> debuginfod;  // outlives the file
  std::unique_ptr<oc::symbol::FileSymbols> file;
  std::string error;
  std::vector<std::pair<std::string, std::string>> facts;
  Findings findings;
  std::vector<uint32_t> matches;
  std::string name;
};

namespace {

const oc::symbol::NamePair* name_of(const Findings& findings, uint32_t index) {
  return index == Findings::kNoName ? nullptr : &findings.names[index];
}

void collect_facts(oc_symbols& symbols) {
  const auto& files = symbols.file->files();
  auto& facts = symbols.facts;
  const auto id = files.file->build_id();
  facts.emplace_back("file", files.file->name());
  facts.emplace_back("build id", id.empty() ? "none" : oc::symbol::build_id_text(id));
  if (files.debug) facts.emplace_back("debug file", files.debug->name());
  for (const auto& tried : files.tried) facts.emplace_back("tried", tried);
  if (files.alt) facts.emplace_back("shared debug file", files.alt->name());
  const auto& table = symbols.file->table();
  facts.emplace_back("symbols", std::to_string(table.symbols().size()));
  for (uint32_t i = 0; i < oc::symbol::kNameSources; ++i) {
    const auto source = static_cast<NameSource>(i);
    if (const size_t count = table.count(source); count != 0)
      facts.emplace_back(fmt::format("  from {}", text_of(source)), std::to_string(count));
  }
  auto* const lines = symbols.file->lines();
  facts.emplace_back("lines", lines == nullptr ? "none: no .debug_info"
                                               : fmt::format("of {} unit{}", lines->units(),
                                                             lines->units() == 1 ? "" : "s"));
  if (lines != nullptr && lines->split_units() != 0) {
    std::string problem;
    const std::string other = lines->find_split(problem);
    facts.emplace_back(
        "split units",
        other.empty() ? fmt::format("{}: without inlined calls: {}", lines->split_units(), problem)
                      : fmt::format("{}, in {}", lines->split_units(), other));
  }
}

}  // namespace

extern "C" {

oc_symbols* oc_symbols_open(oc_host* host, const char* path, const char* root,
                            int uses_debuginfod) {
  try {
    auto symbols = std::make_unique<oc_symbols>();
    auto places = oc::symbol::Places::make_default();
    places.root = root;
    if (uses_debuginfod != 0) {
      symbols->debuginfod = std::make_unique<oc::symbol::Debuginfod>(
          [host] { return host->stop_requests.load(std::memory_order_relaxed) != 0; });
      places.debuginfod = symbols->debuginfod.get();
    }
    auto file = oc::symbol::FileSymbols::open(path, std::move(places));
    if (!file) {
      symbols->error = file.error().what;
    } else {
      symbols->file = std::move(*file);
      collect_facts(*symbols);
    }
    return symbols.release();
  } catch (const std::exception&) {
    return nullptr;
  }
}

void oc_symbols_close(oc_symbols* symbols) { delete symbols; }

const char* oc_symbols_error(const oc_symbols* symbols) { return symbols->error.c_str(); }

int oc_symbols_fact(oc_symbols* symbols, uint32_t index, const char** key, const char** value) {
  if (index >= symbols->facts.size()) return 0;
  *key = symbols->facts[index].first.c_str();
  *value = symbols->facts[index].second.c_str();
  return 1;
}

int oc_symbols_find(oc_symbols* symbols, uint64_t address, oc_symbol_place* out) {
  try {
    symbols->findings = {};
    symbols->file->find({&address, 1}, symbols->findings);
    const auto& place = symbols->findings.places.at(0);
    const auto* name = name_of(symbols->findings, place.name);
    out->name = name != nullptr ? name->full.c_str() : "";
    out->brief = name != nullptr ? name->brief.c_str() : "";
    out->source = text_of(place.source).data();
    out->offset = static_cast<double>(place.offset);
    out->calls = place.steps;
    return name != nullptr || place.steps != 0 ? 1 : 0;
  } catch (const std::exception&) {
    return 0;
  }
}

int oc_symbols_call(oc_symbols* symbols, uint32_t index, oc_symbol_call* out) {
  const Findings& findings = symbols->findings;
  if (index >= findings.steps.size()) return 0;
  const auto& step = findings.steps[index];
  const auto* name = name_of(findings, step.name);
  out->name = name != nullptr ? name->full.c_str() : "";
  out->file = step.file == Findings::kNoName ? "" : findings.files[step.file].c_str();
  out->line = step.line;
  return 1;
}

const char* oc_symbols_gap(oc_symbols* symbols, uint64_t address) {
  try {
    symbols->name = symbols->file->describe_gap(address);
    return symbols->name.c_str();
  } catch (const std::exception&) {
    return "";
  }
}

const char* oc_symbols_near(oc_symbols* symbols, const char* name) {
  try {
    symbols->name = oc::base::did_you_mean(symbols->file->find_near(name));
    return symbols->name.c_str();
  } catch (const std::exception&) {
    return "";
  }
}

uint32_t oc_symbols_search(oc_symbols* symbols, const char* pattern) {
  try {
    symbols->matches = symbols->file->search(pattern);
    return static_cast<uint32_t>(symbols->matches.size());
  } catch (const std::exception&) {
    return 0;
  }
}

int oc_symbols_match(oc_symbols* symbols, uint32_t index, oc_symbol* out) {
  if (index >= symbols->matches.size()) return 0;
  try {
    const auto& table = symbols->file->table();
    const auto& symbol = table.symbols()[symbols->matches[index]];
    symbols->name = oc::symbol::demangle(table.name(symbol), oc::symbol::NameForm::kFull);
    out->address = symbol.start;
    out->size_bytes = symbol.size_bytes;
    out->name = symbols->name.c_str();
    out->source = text_of(symbol.source).data();
    return 1;
  } catch (const std::exception&) {
    return 0;
  }
}

}  // extern "C"
