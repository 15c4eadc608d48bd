#include "elf/plain_debug.h"

#include <elf.h>
#include <libdeflate.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/bytes.h"

namespace oc::elf {
namespace {

constexpr std::array<std::string_view, 10> kNeeded{
    ".debug_info",   ".debug_abbrev",   ".debug_line", ".debug_str",         ".debug_line_str",
    ".debug_ranges", ".debug_rnglists", ".debug_addr", ".debug_str_offsets", ".debug_types"};

constexpr uint64_t kMostPlainBytes = uint64_t{4} << 30;
constexpr uint64_t kMostRatio = 1100;  ///< deflate makes at most 1032 bytes of one
constexpr uint64_t kAlignment = 64;    ///< also keeps parts that are written by two threads apart

uint64_t aligned(uint64_t at) { return (at + kAlignment - 1) & ~(kAlignment - 1); }

bool is_needed(const Section& section) {
  return section.type == SHT_PROGBITS &&
         std::find(kNeeded.begin(), kNeeded.end(), section.name) != kNeeded.end();
}

}  // namespace

std::optional<PlainDebug> PlainDebug::plan(const File& file) {
  if (!file.is_64() || !file.is_native_order() || file.type() == ET_REL) return {};
  if (file.sections().size() + 1 >= SHN_LORESERVE) return {};
  PlainDebug plan(file);
  for (const Section& section : file.sections()) {
    plan.part_of_.push_back(0);
    if (!is_needed(section)) continue;
    if (!plan.add_part(section)) return {};
    plan.part_of_.back() = static_cast<uint32_t>(plan.parts_.size());
  }
  const bool has_work = std::any_of(plan.parts_.begin(), plan.parts_.end(),
                                    [](const Part& part) { return part.is_compressed; });
  if (!has_work || !plan.lay_out()) return {};
  return plan;
}

/// False when it cannot be read here.
bool PlainDebug::add_part(const Section& section) {
  Part part;
  part.from = file_.raw_bytes(section);
  part.size_bytes = part.from.size();
  if ((section.flags & SHF_COMPRESSED) != 0) {
    base::Bytes bytes(part.from);
    const auto header = bytes.read<Elf64_Chdr>();
    if (bytes.failed() || header.ch_type != ELFCOMPRESS_ZLIB) return false;
    part.is_compressed = true;
    part.from = part.from.subspan(sizeof header);
    part.size_bytes = header.ch_size;
    part.alignment = std::clamp<uint64_t>(header.ch_addralign, 1, kAlignment);
    if (part.size_bytes > kMostPlainBytes || part.size_bytes / kMostRatio > part.from.size())
      return false;
  }
  parts_.push_back(part);
  return true;
}

/// All names after each other, and where each begins; the last one is that of the names' own section.
std::vector<uint8_t> PlainDebug::make_names(std::vector<uint32_t>& places) const {
  std::vector<uint8_t> names{0};
  const auto add = [&](std::string_view name) {
    places.push_back(static_cast<uint32_t>(names.size()));
    names.insert(names.end(), name.begin(), name.end());
    names.push_back(0);
  };
  for (const Section& section : file_.sections()) add(section.name);
  add(".shstrtab");
  return names;
}

bool PlainDebug::lay_out() {
  const auto& sections = file_.sections();
  std::vector<uint32_t> places;
  const auto names = make_names(places);
  std::vector<Elf64_Shdr> headers(sections.size() + 1);
  uint64_t end = aligned(sizeof(Elf64_Ehdr) + headers.size() * sizeof(Elf64_Shdr));
  for (size_t i = 1; i < sections.size(); ++i) {
    const Section& from = sections[i];
    Elf64_Shdr& to = headers[i];
    to = {places[i],
          SHT_NOBITS,
          from.flags & ~uint64_t{SHF_COMPRESSED},
          from.address,
          0,
          0,
          from.link,
          from.info,
          1,
          0};
    to.sh_size = from.size_bytes;
    if (part_of_[i] == 0) continue;
    const Part& part = parts_[part_of_[i] - 1];
    to.sh_type = SHT_PROGBITS;
    to.sh_size = part.size_bytes;
    to.sh_addralign = part.alignment;
    to.sh_entsize = from.entry_size;
    to.sh_offset = end;
    end = aligned(end + to.sh_size);
    if (end > kMostPlainBytes) return false;
  }
  headers.back() = {places.back(), SHT_STRTAB, 0, 0, end, names.size(), 0, 0, 1, 0};
  auto image = base::Mapping::allocate(end + names.size());
  if (!image) return false;
  image_ = std::move(*image);
  uint8_t* const to = image_.writable();
  Elf64_Ehdr header{};
  std::memcpy(&header, file_.bytes().data(), sizeof header);
  header.e_phoff = header.e_phnum = 0;
  header.e_shoff = sizeof header;
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = static_cast<uint16_t>(headers.size());
  header.e_shstrndx = static_cast<uint16_t>(headers.size() - 1);
  std::memcpy(to, &header, sizeof header);
  std::memcpy(to + sizeof header, headers.data(), headers.size() * sizeof(Elf64_Shdr));
  std::memcpy(to + end, names.data(), names.size());
  for (size_t i = 1; i < sections.size(); ++i) {
    if (part_of_[i] == 0) continue;
    parts_[part_of_[i] - 1].to = {to + headers[i].sh_offset, headers[i].sh_size};
  }
  std::sort(parts_.begin(), parts_.end(),
            [](const Part& a, const Part& b) { return a.from.size() > b.from.size(); });
  return true;
}

void PlainDebug::load(size_t index) {
  Part& part = parts_[index];
  if (!part.is_compressed) {
    if (!part.from.empty()) std::memcpy(part.to.data(), part.from.data(), part.from.size());
    part.is_done = true;
    return;
  }
  const std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)> inflater(
      libdeflate_alloc_decompressor(), libdeflate_free_decompressor);
  if (inflater == nullptr) return;
  // Without a place for the size it has to be the one that was announced.
  part.is_done =
      libdeflate_zlib_decompress(inflater.get(), part.from.data(), part.from.size(), part.to.data(),
                                 part.to.size(), nullptr) == LIBDEFLATE_SUCCESS;
}

std::optional<File> PlainDebug::finish() {
  if (!std::all_of(parts_.begin(), parts_.end(), [](const Part& part) { return part.is_done; }))
    return {};
  auto file = File::make(std::move(image_), file_.name());
  if (!file) return {};
  return std::move(*file);
}

}  // namespace oc::elf
