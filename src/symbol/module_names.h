#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "elf/plain_debug.h"
#include "elf/relocated.h"
#include "symbol/line_index.h"
#include "symbol/module_files.h"
#include "symbol/symbol_table.h"

namespace oc::symbol {

/// A name in both forms, see demangle.h.
struct NamePair {
  std::string brief;
  std::string full;
};

/// What a job found for its frames: texts once each, in the order in which they were met.
struct Findings {
  static constexpr uint32_t kNoName = ~uint32_t{0};
  struct Step {
    uint32_t name = kNoName;  ///< of `names`
    uint32_t file = kNoName;  ///< of `files`
    uint32_t line = 0;
  };
  struct Place {
    uint32_t name = kNoName;
    NameSource source = NameSource::kNone;
    uint64_t offset = 0;
    uint32_t first_step = 0;
    uint32_t steps = 0;
  };
  std::vector<NamePair> names;
  std::vector<std::string> files;
  std::vector<Step> steps;
  std::vector<Place> places;  ///< one per frame asked for
};

/// Looks up addresses in one ELF file: its symbol table, and its lines where there are any. One thread at a time.
class ModuleNames {
 public:
  /// Opens nothing: `files` outlive the object. `threads`: how many may decompress its sections.
  ModuleNames(const ModuleFile& files, bool with_lines, uint32_t threads = 1)
      : files_(files), with_lines_(with_lines), threads_(threads) {}

  /// Instead of `threads`: what is to be decompressed for the tables, in so many parts; each is loaded once, by any thread,
  /// before the tables are made.
  size_t plan();
  size_t part_bytes(size_t part) const;
  void load(size_t part);
  /// The first half of `table`, beside those.
  void load_symbols();

  struct Query {
    uint64_t offset = 0;  ///< in the file
    bool is_return = false;
  };
  /// `queries` ascend by offset. The tables are made by the first call.
  void find(std::span<const Query> queries, Findings& findings);
  /// The same of addresses as linked, none of them a return address, in any order.
  void find_addresses(std::span<const uint64_t> addresses, Findings& findings);

  /// Another one for the same module, with the same symbol table, for another thread; null: its files do not allow
  /// that. This one outlives it, and has made its table.
  std::unique_ptr<ModuleNames> make_second();
  /// Whether reading the units of these on two threads saves more than a second one costs, which looks at all units again.
  bool is_worth_second(std::span<const Query> queries);
  /// Which of `lanes` threads should look this up, so that each unit's lines are read by one of them.
  uint32_t lane_of(const Query& query, uint32_t lanes);

  const SymbolTable& table();
  LineIndex* lines();  ///< null: the file has none

 private:
  class Lookup;

  void load_lines();
  elf::File* find_lines() const;
  void find_one(std::optional<uint64_t> address, bool is_return, Lookup& lookup);
  std::optional<uint64_t> address_of(const Query& query) const;

  const ModuleFile& files_;
  bool with_lines_;
  uint32_t threads_;
  bool has_symbols_ = false, is_loaded_ = false;
  SymbolTable table_;
  const SymbolTable* shared_table_ = nullptr;  ///< of a second one: the first one's
  std::optional<elf::PlainDebug> plan_, alt_plan_;
  std::optional<elf::File> own_file_, own_alt_;  ///< decompressed, or of a second one
  std::optional<elf::Relocated> relocated_;      ///< what `lines_` reads of a relocatable file
  std::unique_ptr<LineIndex> lines_;
};

/// Gives each distinct text of a job one index, and demangles names once.
class TextIndex {
 public:
  explicit TextIndex(Findings& findings) : findings_(findings) {}
  uint32_t name(std::string_view mangled);
  uint32_t file(std::string_view path);

 private:
  Findings& findings_;
  std::unordered_map<std::string_view, uint32_t> names_, files_;  ///< views outlive the job
};

}  // namespace oc::symbol
