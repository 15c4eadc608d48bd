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

AttributeTable::Set AttributeTable::set_of(std::span<const Attribute> attributes,
                                           std::span<const AttributesId> associated) {
  Set set;
  set.attributes.assign(attributes.begin(), attributes.end());
  for (const AttributesId id : associated) {
    if (id) set.associated.push_back(id.value);
  }
  return set;
}

uint32_t AttributeTable::put(Set set) {
  if (free_.empty()) {
    sets_.emplace_back();
    free_.push_back(static_cast<uint32_t>(sets_.size()));
  }
  const uint32_t id = free_.back();
  free_.pop_back();
  own_bytes_ += bytes_of(set);
  sets_[id - 1] = std::move(set);
  return id;
}

AttributeTable::Made AttributeTable::make(std::span<const Attribute> attributes,
                                          std::span<const AttributesId> associated) {
  Set set = set_of(attributes, associated);
  auto hold = std::make_shared<char>();
  set.hold = hold;
  made_.push_back(put(std::move(set)));
  return {{made_.back()}, std::move(hold)};
}

AttributesId AttributeTable::intern(std::span<const Attribute> attributes,
                                    std::span<const AttributesId> associated) {
  if (attributes.empty() && associated.empty()) return {};
  Set set = set_of(attributes, associated);
  const uint64_t hash = hash_of(set.attributes, set.associated);
  const auto [from, to] = by_hash_.equal_range(hash);
  for (auto it = from; it != to; ++it) {
    const Set& known = sets_[it->second - 1];
    if (known.attributes == set.attributes && known.associated == set.associated)
      return {it->second};
  }
  set.hash = hash;
  const uint32_t id = put(std::move(set));
  by_hash_.emplace(hash, id);
  return {id};
}

void AttributeTable::forget(std::vector<uint8_t> used) {
  used.resize(sets_.size() + 1);
  std::vector<uint32_t> kept;
  for (uint32_t id = 1; id <= sets_.size(); ++id) {
    used[id] |= sets_[id - 1].hold.use_count() > 1;
    if (used[id]) kept.push_back(id);
  }
  for (size_t i = 0; i < kept.size(); ++i) {
    for (const uint32_t other : sets_[kept[i] - 1].associated) {
      if (!used[other]) kept.push_back(other);
      used[other] = 1;
    }
  }
  const auto let_go = [&](uint32_t id) {
    if (used[id]) return false;
    own_bytes_ -= bytes_of(sets_[id - 1]);
    sets_[id - 1] = {};
    free_.push_back(id);
    return true;
  };
  std::erase_if(by_hash_, [&](const auto& known) { return let_go(known.second); });
  std::erase_if(made_, let_go);
}

void AttributeTable::associate(AttributesId set, AttributesId other) {
  if (!set || !other) return;
  auto& associated = sets_[set.value - 1].associated;
  if (std::find(associated.begin(), associated.end(), other.value) == associated.end()) {
    own_bytes_ -= bytes_of(sets_[set.value - 1]);
    associated.push_back(other.value);
    own_bytes_ += bytes_of(sets_[set.value - 1]);
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
  return sets_.capacity() * sizeof(Set) + by_hash_.size() * 40 + made_.size() * 36 +
         free_.capacity() * 4 + own_bytes_;
}

}  // namespace oc::machine
