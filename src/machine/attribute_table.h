#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/interner.h"
#include "machine/sample_table.h"

namespace oc::machine {

/// A name with a text or a number.
struct Attribute {
  base::StringId name;
  base::StringId text;  ///< where it is a text
  double number = 0;    ///< otherwise
  bool is_text = false;

  friend bool operator==(const Attribute&, const Attribute&) = default;
};

/// Sets of attributes, each distinct one once, but for those that `make` made. A set may be associated with others (a
/// request's attributes with its connection's): what is not found in it is looked for there, each set once, so that
/// circles do no harm.
class AttributeTable {
 public:
  struct Made {
    AttributesId id;
    std::shared_ptr<void> hold;
  };

  /// `associated`: sets that are asked after this one, in that order.
  AttributesId intern(std::span<const Attribute> attributes,
                      std::span<const AttributesId> associated = {});
  /// A set that somebody has a hand on: no other is it, whatever both hold, so that only its own samples see what is
  /// associated with it later. It stays, whatever is forgotten, as long as somebody has its `hold`.
  Made make(std::span<const Attribute> attributes, std::span<const AttributesId> associated = {});
  /// Forgets the sets that are neither marked (by id), nor held, nor associated with such. Their ids are used again; all
  /// others stay the same.
  void forget(std::vector<uint8_t> used);
  /// Makes `other` an associated set of `set`, after it was made. Requires: ids of this table, that of `set` by make.
  void associate(AttributesId set, AttributesId other);

  /// Its own. Owned by the table, until the next intern. Id 0: empty.
  std::span<const Attribute> own(AttributesId set) const;
  /// Its own and those of associated sets; of several with one name the nearest.
  std::vector<Attribute> all(AttributesId set) const;
  /// By name, also of associated sets.
  std::optional<Attribute> find(AttributesId set, base::StringId name) const;
  /// Ids are not above it.
  uint32_t size() const { return static_cast<uint32_t>(sets_.size()); }
  uint32_t distinct() const { return static_cast<uint32_t>(sets_.size() - free_.size()); }
  uint64_t size_bytes() const;

 private:
  struct Set {
    std::vector<Attribute> attributes;
    std::vector<uint32_t> associated;
    uint64_t hash = 0;
    std::shared_ptr<void> hold;  ///< of what `make` made
  };

  static uint64_t bytes_of(const Set& set) {
    return set.attributes.capacity() * sizeof(Attribute) + set.associated.capacity() * 4;
  }
  static Set set_of(std::span<const Attribute> attributes,
                    std::span<const AttributesId> associated);
  uint32_t put(Set set);
  template <typename Visit>
  void walk(AttributesId set, Visit visit) const;

  std::vector<Set> sets_;
  std::vector<uint32_t> free_;                           ///< ids that are used again
  uint64_t own_bytes_ = 0;                               ///< of what the sets hold
  std::unordered_multimap<uint64_t, uint32_t> by_hash_;  ///< of intern
  std::vector<uint32_t> made_;
};

}  // namespace oc::machine
