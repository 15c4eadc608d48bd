#include "elf/cfi.h"

#include <dwarf.h>
#include <elf.h>

#include <algorithm>
#include <mutex>

#include "elf/dwarf_bytes.h"

namespace oc::elf {
namespace {

/// The only form of the table in .eh_frame_hdr that can be searched, and the only one that linkers write.
constexpr uint8_t kSearchable = DW_EH_PE_datarel | DW_EH_PE_sdata4;

struct TableEntry {
  int32_t start;
  int32_t entry;
};

}  // namespace

/// All entries of a section by start, for those that no linker sorted.
struct Cfi::Index {
  struct Place {
    uint64_t start;
    uint64_t offset;
  };
  std::once_flag is_made;
  std::vector<Place> places;

  void make(const CfiSection& section) {
    CfiWalk walk(section);
    CfiEntry entry;
    uint64_t offset = 0;
    while (walk.next(entry, offset)) {
      if (entry.end != entry.start) places.push_back({entry.start, offset});
    }
    std::stable_sort(places.begin(), places.end(),
                     [](const Place& a, const Place& b) { return a.start < b.start; });
  }
};

Cfi Cfi::load_eh_frame(File& file) {
  Cfi cfi;
  if (!file.is_native_order()) return cfi;
  const auto address_size = static_cast<uint8_t>(file.is_64() ? 8 : 4);
  if (const Section* section = file.find_section(".eh_frame"); section != nullptr)
    cfi.section_ = {file.load_bytes(*section), section->address, false, address_size};
  cfi.load_header(file);
  if (cfi.has_entries()) cfi.index_ = std::make_shared<Index>();
  return cfi;
}

Cfi Cfi::load_debug_frame(File& file) {
  Cfi cfi;
  if (!file.is_native_order()) return cfi;
  for (const char* name : {".debug_frame", ".zdebug_frame"}) {
    const Section* section = file.find_section(name);
    if (section == nullptr) continue;
    const auto address_size = static_cast<uint8_t>(file.is_64() ? 8 : 4);
    cfi.section_ = {file.load_bytes(*section), section->address, true, address_size};
  }
  if (cfi.has_entries()) cfi.index_ = std::make_shared<Index>();
  return cfi;
}

/// LSB 5.0, section 10.6.2: [version 1][encodings of the next three][address of .eh_frame][count][table].
void Cfi::load_header(File& file) {
  const auto& segments = file.segments();
  const auto header = std::find_if(segments.begin(), segments.end(), [](const Segment& segment) {
    return segment.type == PT_GNU_EH_FRAME;
  });
  if (header == segments.end()) return;
  const auto content = file.bytes_at(header->address);
  base::Bytes bytes(content.first(std::min<uint64_t>(content.size(), header->file_size)));
  const auto version = bytes.read<uint8_t>();
  const auto frame_encoding = bytes.read<uint8_t>();
  const auto count_encoding = bytes.read<uint8_t>();
  const auto table_encoding = bytes.read<uint8_t>();
  PointerBases bases{header->address + 4, header->address,
                     static_cast<uint8_t>(file.is_64() ? 8 : 4)};
  const uint64_t frame = read_encoded(bytes, frame_encoding, bases);
  if (bytes.failed() || version != 1) return;
  if (!has_entries()) section_ = {file.bytes_at(frame), frame, false, bases.address_size};
  bases.here = header->address + bytes.offset();
  const uint64_t count = read_encoded(bytes, count_encoding, bases);
  if (bytes.failed() || table_encoding != kSearchable || frame != section_.address) return;
  if (count > bytes.remaining() / sizeof(TableEntry)) return;
  table_ = bytes.take(count * sizeof(TableEntry));
  table_address_ = header->address;
}

std::optional<CfiEntry> Cfi::find(uint64_t address) const {
  if (!has_entries()) return {};
  const auto offset = table_.empty() ? find_in_index(address) : find_in_table(address);
  if (!offset) return {};
  auto entry = read_cfi_entry(section_, *offset);
  if (entry && (address < entry->start || address >= entry->end)) entry.reset();
  return entry;
}

std::optional<uint64_t> Cfi::find_in_table(uint64_t address) const {
  const auto distance = static_cast<int64_t>(address - table_address_);
  const uint8_t* low = table_.data();
  size_t count = table_.size() / sizeof(TableEntry);
  // The last entry whose start is not behind the address. Each half keeps the one at `low`.
  if (count == 0 || base::load<TableEntry>(low).start > distance) return {};
  while (count > 1) {
    const size_t half = count / 2;
    const uint8_t* middle = low + half * sizeof(TableEntry);
    low = base::load<TableEntry>(middle).start <= distance ? middle : low;
    count -= half;
  }
  const int64_t entry = base::load<TableEntry>(low).entry;
  return table_address_ + static_cast<uint64_t>(entry) - section_.address;
}

std::optional<uint64_t> Cfi::find_in_index(uint64_t address) const {
  std::call_once(index_->is_made, [this] { index_->make(section_); });
  const auto& places = index_->places;
  auto after = std::upper_bound(
      places.begin(), places.end(), address,
      [](uint64_t wanted, const Index::Place& place) { return wanted < place.start; });
  if (after == places.begin()) return {};
  return std::prev(after)->offset;
}

}  // namespace oc::elf
