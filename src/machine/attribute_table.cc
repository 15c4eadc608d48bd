#include "machine/attribute_table.h"

#include <xxhash.h>

#include <algorithm>

namespace oc::machine {

namespace {

uint64_t hash_of(std::span<const Attribute> attributes, std::span<const uint32_t> associated) {
  uint64_t hash = XXH3_64bits(associated.data(), associated.size_bytes());
  for (const Attribute& attribute : attributes) {
    struct {
      uint32_t name, text;
      double number;
      uint64_t is_text;
    } words{attribute.name.value, attribute.text.value, attribute.number, attribute.is_text};
    hash = XXH3_64bits_withSeed(&words, sizeof words, hash);
  }
  return hash;
}

}  // namespace

AttributesId AttributeTable::intern(std::span<const Attribute> attributes,
                                    std::span<const AttributesId> associated) {
  if (attributes.empty() && associated.empty()) return {};
  Set set;
  set.attributes.assign(attributes.begin(), attributes.end());
  for (const AttributesId id : associated) {
    if (id) set.associated.push_back(id.value);
  }
  const uint64_t hash = hash_of(set.attributes, set.associated);
  const auto [from, to] = by_hash_.equal_range(hash);
  for (auto it = from; it != to; ++it) {
    const Set& known = sets_[it->second - 1];
    if (known.attributes == set.attributes && known.associated == set.associated)
      return {it->second};
  }
  sets_.push_back(std::move(set));
  const auto id = static_cast<uint32_t>(sets_.size());
  by_hash_.emplace(hash, id);
  return {id};
}

void AttributeTable::associate(AttributesId set, AttributesId other) {
  if (!set || !other) return;
  auto& associated = sets_[set.value - 1].associated;
  if (std::find(associated.begin(), associated.end(), other.value) == associated.end()) {
    associated.push_back(other.value);
  }
}

/// Breadth first, each set once. `visit` returns true to end the walk.
template <typename Visit>
void AttributeTable::walk(AttributesId set, Visit visit) const {
  if (!set) return;
  std::vector<uint32_t> order{set.value};
  for (size_t i = 0; i < order.size(); ++i) {
    const Set& at = sets_[order[i] - 1];
    for (const Attribute& attribute : at.attributes) {
      if (visit(attribute)) return;
    }
    for (const uint32_t next : at.associated) {
      if (std::find(order.begin(), order.end(), next) == order.end()) order.push_back(next);
    }
  }
}

std::span<const Attribute> AttributeTable::own(AttributesId set) const {
  if (!set) return {};
  return sets_[set.value - 1].attributes;
}

std::vector<Attribute> AttributeTable::all(AttributesId set) const {
  std::vector<Attribute> found;
  walk(set, [&](const Attribute& attribute) {
    const auto is_same = [&](const Attribute& other) { return other.name == attribute.name; };
    if (std::none_of(found.begin(), found.end(), is_same)) found.push_back(attribute);
    return false;
  });
  return found;
}

std::optional<Attribute> AttributeTable::find(AttributesId set, base::StringId name) const {
  std::optional<Attribute> found;
  walk(set, [&](const Attribute& attribute) {
    if (attribute.name == name) found = attribute;
    return found.has_value();
  });
  return found;
}

uint64_t AttributeTable::size_bytes() const {
  uint64_t bytes = sets_.capacity() * sizeof(Set) + by_hash_.size() * 40;
  for (const Set& set : sets_) {
    bytes += set.attributes.capacity() * sizeof(Attribute) + set.associated.capacity() * 4;
  }
  return bytes;
}

}  // namespace oc::machine
