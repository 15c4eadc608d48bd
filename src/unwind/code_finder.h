#pragma once

#include <cstdint>
#include <optional>

#include "unwind/given_rules.h"
#include "unwind/rule_table.h"

namespace oc::unwind {

/// A range of live addresses with code, as one process has mapped it.
struct CodeRange {
  uint64_t start = 0;
  uint64_t end = 0;          ///< the first address behind it
  uint64_t file_offset = 0;  ///< of `start`, in the file or the vDSO's image
  /// Null: memory of no file (is_memory: JIT code, frame pointers are tried), or a file that cannot be read.
  const RuleTable* rules = nullptr;
  bool is_memory = false;
  uint32_t note = 0;                  ///< the finder's own, see CodeFinder::note
  const GivenRules* given = nullptr;  ///< null: none; they go before all others
};

/// Where code lies in one address space at one moment: what the unwinder asks when its cache does not know an address.
/// It is asked on the thread that unwinds, so it must not change meanwhile: a snapshot, or a lock.
class CodeFinder {
 public:
  virtual ~CodeFinder() = default;

  /// Names what this finder answers: as long as two finders have the same number, no address means one thing to one and
  /// another thing to the other. A new mapping where nothing was keeps the number; a range that is replaced, cut or
  /// unmapped, exec and fork take a new one. Never 0, never used again.
  virtual uint64_t epoch() const = 0;
  /// The range that holds this live address; none: no code is mapped there.
  virtual std::optional<CodeRange> find(uint64_t address) = 0;
  /// A number that goes with a frame, into Frame::note: asked once per address and cached with its rule. So a caller
  /// who has an id for frames finds it there, without a look-up of its own for each frame.
  virtual uint32_t note(const CodeRange& range, uint64_t address, bool is_return) {
    (void)address, (void)is_return;
    return range.note;
  }
};

}  // namespace oc::unwind
