#pragma once

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/interner.h"
#include "machine/frame_namer.h"
#include "process/frame_table.h"
#include "process/module_table.h"

namespace oc::machine {

using FunctionId = base::Id<struct FunctionTag>;

/// A function, or what stands for it where nobody knows its name: the module. Texts are ids of the machine's.
struct Function {
  base::StringId name;       ///< "malloc"; "[libc.so.6]" where nobody knows
  base::StringId full_name;  ///< with parameters, or as `name`
  base::StringId module;     ///< its path, or a name in brackets
  base::StringId file;       ///< where the first line seen of it lies; 0: not known
  bool is_kernel = false;
  bool is_known = false;  ///< it has a name
};

/// A function at a place, and the line that it is at.
struct Line {
  FunctionId function;
  base::StringId file;  ///< 0: not known
  uint32_t line = 0;    ///< 0: not known
};

/// What another tool's profile tells of where code lay. Texts are ids of the machine's.
struct OwnMapping {
  base::StringId path;
  base::StringId build_id;      ///< as it was written there; 0: not known
  uint64_t start = 0, end = 0;  ///< `end` exclusive; 0: not known
  uint64_t offset = 0;          ///< of `start` in the file
};

/// Where a frame lies.
struct Place {
  std::span<const Line>
      lines;  ///< inlined functions, the innermost first, then the function whose code it is
  process::ModuleId module;  ///< 0: a frame that was added by hand
  uint64_t offset = 0;       ///< as in process::Frame
  bool has_address = false;  ///< `offset` is an address
  bool is_kernel = false;
  bool is_return = false;
  uint32_t own_mapping = 0;  ///< of a frame that was added by hand; 0: none
};

/// A frame that comes with its names.
struct OwnFrame {
  std::string_view function, module, file;
  uint32_t line = 0;
  uint64_t address = 0;
  bool is_kernel = false;
  uint32_t mapping =
      0;  ///< of those that were added; 0: none. Of several frames the first one's counts
};

/// Frames of a machine by what a person calls them: functions, files and lines as ids.
///
///     frame id (traced)  ── FrameNamer, once ──┐
///     frame id | kOwn    ── add, by hand ──────┴──> lines_: [inlined, inlined, function]   functions_: (name, module)
///
/// One thread; `begin_sharing` says when more may read.
class PlaceTable {
 public:
  static constexpr uint32_t kOwn = 1u << 31;  ///< frames that were added by hand

  /// `frames`, `namer`: null when there are only such. `texts` gets all names.
  PlaceTable(base::Interner& texts, const process::FrameTable* frames, FrameNamer* namer);

  /// One such frame, or the inlined functions of one place, the innermost first; its id has kOwn.
  uint32_t add(std::span<const OwnFrame> frames);
  /// Ids are from 1 upwards.
  uint32_t add_mapping(const OwnMapping& mapping) {
    assert(sharers_ == 0);
    own_mappings_.push_back(mapping);
    return static_cast<uint32_t>(own_mappings_.size());
  }
  /// Requires: an id of this table. Owned by the table, until another is added.
  const OwnMapping& own_mapping(uint32_t id) const { return own_mappings_[id - 1]; }

  /// Names what is new among these at once.
  void resolve(std::span<const uint32_t> frames);
  /// Names it when it has no name yet. Lent: until the next resolve, find or add.
  Place find(uint32_t frame);
  /// Its lines alone, as `find` has them.
  std::span<const Line> lines(uint32_t frame) {
    Entry& entry = entry_of(frame);
    if (entry.count == 0 && !(frame & kOwn)) name(frame, entry);
    return {lines_.data() + entry.first, entry.count};
  }
  /// The function whose code it is, or with `inlined` the innermost one.
  FunctionId function_of(uint32_t frame, bool inlined);

  /// Requires: an id of this table. Owned by the table, until another is added.
  const Function& function(FunctionId id) const { return functions_[id.value]; }
  uint32_t functions() const {
    return static_cast<uint32_t>(functions_.size());
  }  ///< ids are below
  std::string_view text(base::StringId id) const { return texts_.text(id); }
  uint64_t size_bytes() const;
  /// What was named is asked again: symbols were added.
  void forget_names();
  /// The same of one traced frame.
  void forget_name(uint32_t frame);

  /// From here on any thread may look at frames that have their names, until `end_sharing`; these two are of the one thread, before
  /// the others begin and after they ended. Whatever would name or add something meanwhile is a mistake, which ends the program
  /// unless asserts are off. Pairs may nest.
  void begin_sharing() { ++sharers_; }
  void end_sharing() { --sharers_; }

 private:
  /// Of a frame: where its lines begin.
  struct Entry {
    uint32_t first = 0;
    uint16_t count = 0;  ///< 0: not named yet
    bool is_kernel = false;
    bool has_address = false;
  };
  struct Own {
    Entry entry;
    uint64_t address = 0;
    uint32_t mapping = 0;
  };

  FunctionId intern(Function function);
  Entry& entry_of(uint32_t frame) {
    if (frame & kOwn) return own_[frame & ~kOwn].entry;
    if (frame >= entries_.size()) {
      assert(sharers_ == 0);
      entries_.resize(std::max<size_t>(frame + 1, entries_.size() * 2));
    }
    return entries_[frame];
  }
  void name(uint32_t frame, Entry& entry);

  base::Interner& texts_;
  const process::FrameTable* frames_;
  FrameNamer* namer_;
  std::vector<Entry> entries_;  ///< by traced frame
  std::vector<Own> own_;
  std::vector<OwnMapping> own_mappings_;
  std::vector<Line> lines_;
  std::vector<Function> functions_;
  std::unordered_map<uint64_t, uint32_t> by_name_;  ///< name and module; functions_
  uint32_t sharers_ = 0;
};

}  // namespace oc::machine
