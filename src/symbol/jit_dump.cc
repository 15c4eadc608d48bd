#include "symbol/jit_dump.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <tuple>

#include "base/bytes.h"

namespace oc::symbol {
namespace {

using base::Bytes;
using base::make_error;

constexpr uint32_t kMagic = 0x4a695444, kOtherOrder = 0x4454694a;
constexpr uint64_t kArchTimes = 1;
enum RecordId : uint32_t { kLoad = 0, kMove = 1, kDebugInfo = 2, kClose = 3 };
constexpr uint64_t kMostCode = uint64_t{1} << 32;  ///< of one function

}  // namespace

/// Reads the records in order into the dump's entries.
class JitDump::Reader {
 public:
  explicit Reader(JitDump& dump) : dump_(dump) {}

  void read(Bytes& bytes) {
    while (bytes.remaining() > 0 && dump_.damage_.empty()) {
      const size_t at = bytes.offset();
      const auto id = bytes.read<uint32_t>(), size = bytes.read<uint32_t>();
      const auto time = bytes.read<uint64_t>();
      constexpr uint32_t kHeader = 16;
      const auto body = bytes.take(size < kHeader ? ~uint64_t{0} : size - kHeader);
      if (bytes.failed()) {
        // A program that was killed, or still writes, leaves half a record.
        dump_.damage_ = fmt::format("the record at byte {} is cut off", at);
        return;
      }
      Bytes record(body);
      if (id == kLoad) load(record, time);
      if (id == kMove) move(record, time);
      if (id == kDebugInfo) lines(record);
      if (id == kClose) return;
      if (record.failed()) dump_.damage_ = fmt::format("the record at byte {} is damaged", at);
    }
  }

 private:
  void load(Bytes& record, base::Nanos time) {
    record.skip(8);
    Entry entry;
    entry.start = record.read<uint64_t>();
    record.skip(8);
    entry.size_bytes = record.read<uint64_t>();
    const auto index = record.read<uint64_t>();
    entry.name = record.c_string();
    if (record.failed()) return;
    entry.from = time;
    entry.code = static_cast<uint32_t>(dump_.codes_.size());
    dump_.codes_.push_back({entry.start, std::move(pending_[entry.start])});
    pending_.erase(entry.start);
    by_index_[index] = {entry.name, entry.code};
    dump_.put(entry);
  }

  void move(Bytes& record, base::Nanos time) {
    record.skip(8);
    Entry entry;
    entry.start = record.read<uint64_t>();
    const auto old = record.read<uint64_t>();
    record.skip(8);
    entry.size_bytes = record.read<uint64_t>();
    const auto index = record.read<uint64_t>();
    const auto known = by_index_.find(index);
    if (record.failed() || known == by_index_.end()) return;
    if (const auto there = dump_.now_.find(old); there != dump_.now_.end()) {
      Entry& left = dump_.entries_[there->second];
      left.until = std::min(left.until, std::max(time, left.from));
      dump_.now_.erase(there);
    }
    entry.from = time;
    entry.name = known->second.name;
    entry.code = known->second.code;
    dump_.put(entry);
  }

  /// Lines of the function that is loaded next at this address.
  void lines(Bytes& record) {
    const auto start = record.read<uint64_t>(), count = record.read<uint64_t>();
    std::vector<LineEntry> found;
    std::string_view file;
    for (uint64_t i = 0; i < count && !record.failed(); ++i) {
      LineEntry line;
      line.address = record.read<uint64_t>();
      line.line = record.read<uint32_t>();
      record.skip(4);
      const auto name = record.c_string();
      if (record.failed()) return;
      if (name != "\xff") file = name;  // the same as before
      line.file = file;
      found.push_back(line);
    }
    std::stable_sort(found.begin(), found.end(),
                     [](const LineEntry& a, const LineEntry& b) { return a.address < b.address; });
    pending_[start] = std::move(found);
  }

  struct Known {
    std::string_view name;
    uint32_t code = 0;
  };
  JitDump& dump_;
  std::unordered_map<uint64_t, std::vector<LineEntry>> pending_;
  std::unordered_map<uint64_t, Known> by_index_;
};

base::Result<JitDump> JitDump::make(std::vector<uint8_t> bytes, const std::string& name) {
  using enum base::Code;
  JitDump dump;
  dump.bytes_ = std::move(bytes);
  Bytes all(dump.bytes_);
  const auto magic = all.read<uint32_t>();
  all.skip(4);
  const auto header_size = all.read<uint32_t>();
  all.skip(4 + 4 + 4 + 8);
  const auto flags = all.read<uint64_t>();
  if (magic == kOtherOrder)
    return make_error(kUnsupported, name + " is a jitdump of the other byte order");
  if (magic != kMagic || all.failed() || header_size < all.offset())
    return make_error(kInvalid, name + " is no jitdump");
  if ((flags & kArchTimes) != 0)
    return make_error(kUnsupported,
                      name + " has times of a processor's counter, which no trace has");
  all.skip(header_size - all.offset());
  Reader(dump).read(all);
  dump.by_start_.resize(dump.entries_.size());
  for (uint32_t i = 0; i < dump.by_start_.size(); ++i) dump.by_start_[i] = i;
  std::stable_sort(dump.by_start_.begin(), dump.by_start_.end(), [&](uint32_t a, uint32_t b) {
    return dump.entries_[a].start < dump.entries_[b].start;
  });
  return dump;
}

/// What it covers has ended.
void JitDump::put(Entry entry) {
  const bool is_sane = entry.size_bytes != 0 && entry.size_bytes <= kMostCode &&
                       entry.start <= std::numeric_limits<uint64_t>::max() - entry.size_bytes;
  if (!is_sane) return;
  auto at = now_.lower_bound(entry.start);
  if (at != now_.begin()) {
    const auto before = std::prev(at);
    const Entry& other = entries_[before->second];
    if (entry.start - other.start < other.size_bytes) at = before;
  }
  while (at != now_.end() && at->first < entry.start + entry.size_bytes) {
    Entry& covered = entries_[at->second];
    covered.until = std::min(covered.until, std::max(entry.from, covered.from));
    at = now_.erase(at);
  }
  now_.emplace(entry.start, static_cast<uint32_t>(entries_.size()));
  largest_ = std::max(largest_, entry.size_bytes);
  entries_.push_back(entry);
}

std::vector<JitDump::Reused> JitDump::find_reused() const {
  std::vector<bool> is_reused(entries_.size());
  uint64_t end = 0;       // of those before, by start
  uint32_t furthest = 0;  // the one that ends there
  for (const uint32_t index : by_start_) {
    const Entry& entry = entries_[index];
    if (entry.start < end) is_reused[index] = is_reused[furthest] = true;
    if (entry.start + entry.size_bytes <= end) continue;
    end = entry.start + entry.size_bytes;
    furthest = index;
  }
  std::vector<Reused> found;
  std::map<std::tuple<uint64_t, uint64_t, std::string_view>, uint32_t> firsts;
  for (uint32_t i = 0; i < is_reused.size(); ++i) {
    if (!is_reused[i]) continue;
    const Entry& entry = entries_[i];
    const auto at = firsts.try_emplace({entry.start, entry.size_bytes, entry.name}, i).first;
    const bool is_same = codes_[entries_[at->second].code].lines == codes_[entry.code].lines;
    found.push_back({i, is_same ? at->second : i});
  }
  return found;
}

/// Calls `use` with each entry that ever covered the address, as long as it returns true.
template <class Use>
void JitDump::visit(uint64_t address, const Use& use) const {
  auto after = std::upper_bound(
      by_start_.begin(), by_start_.end(), address,
      [&](uint64_t wanted, uint32_t index) { return wanted < entries_[index].start; });
  while (after != by_start_.begin()) {
    const Entry& entry = entries_[*--after];
    if (address - entry.start >= largest_) return;
    if (address - entry.start < entry.size_bytes && !use(entry)) return;
  }
}

const JitDump::Entry* JitDump::find_first(uint64_t address) const {
  const Entry* first = nullptr;
  visit(address, [&](const Entry& entry) {
    if (first == nullptr || entry.from < first->from) first = &entry;
    return true;
  });
  return first;
}

const JitDump::Entry* JitDump::find(uint64_t address, base::Nanos time) const {
  if (time == ~base::Nanos{0}) {
    const auto after = now_.upper_bound(address);
    if (after == now_.begin()) return nullptr;
    const Entry& entry = entries_[std::prev(after)->second];
    return address - entry.start < entry.size_bytes ? &entry : nullptr;
  }
  const Entry* found = nullptr;
  visit(address, [&](const Entry& entry) {
    if (entry.from <= time && time < entry.until) found = &entry;
    return found == nullptr;
  });
  return found;
}

JitDump::Line JitDump::find_line(const Entry& entry, uint64_t address) const {
  const Code& code = codes_[entry.code];
  const uint64_t at_load = address - entry.start + code.start;
  const auto after = std::upper_bound(
      code.lines.begin(), code.lines.end(), at_load,
      [](uint64_t wanted, const LineEntry& line) { return wanted < line.address; });
  if (after == code.lines.begin()) return {};
  return {std::prev(after)->file, std::prev(after)->line};
}

}  // namespace oc::symbol
