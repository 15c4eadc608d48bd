#include "elf/dwarf_entries.h"

#include <dwarf.h>

#include <algorithm>

namespace oc::elf {
namespace {

constexpr uint64_t kMostCodes = 1 << 20;

std::span<const uint8_t> behind(std::span<const uint8_t> bytes, uint64_t offset) {
  return bytes.subspan(std::min<uint64_t>(offset, bytes.size()));
}

}  // namespace

DwarfEntries::DwarfEntries(std::span<const uint8_t> info, std::span<const uint8_t> abbreviations,
                           const DwarfUnit& unit)
    : info_(info), bytes_(behind(info, unit.first_entry)), unit_(unit) {
  read_abbreviations(behind(abbreviations, unit.abbreviations));
}

uint64_t DwarfEntries::read_uleb(base::Bytes& bytes) {
  uint64_t value = 0;
  for (uint32_t shift = 0; shift < 70; shift += 7) {
    const auto byte = bytes.read<uint8_t>();
    if (shift < 64) value |= uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return value;
  }
  return value;  // longer ones mean nothing; the bytes behind are read as what they then look like
}

void DwarfEntries::read_abbreviations(std::span<const uint8_t> abbreviations) {
  base::Bytes bytes(abbreviations);
  while (bytes.remaining() > 0) {
    const uint64_t code = read_uleb(bytes);
    if (code == 0 || code > kMostCodes) return;
    Kind kind;
    kind.tag = static_cast<uint32_t>(read_uleb(bytes));
    kind.has_children = bytes.read<uint8_t>() != 0;
    kind.first_form = static_cast<uint32_t>(forms_.size());
    kind.fixed_size = 0;
    for (;;) {
      const uint64_t name = read_uleb(bytes), form = read_uleb(bytes);
      if (form == DW_FORM_implicit_const) read_uleb(bytes);
      if (bytes.failed()) return;
      if (name == 0 && form == 0) break;
      kind.has_code |= name == DW_AT_low_pc || name == DW_AT_ranges;
      forms_.push_back(static_cast<uint16_t>(std::min<uint64_t>(form, 0xffff)));
      const int32_t size = fixed_size_of(form);
      kind.fixed_size = size < 0 || kind.fixed_size < 0 ? -1 : kind.fixed_size + size;
    }
    kind.forms = static_cast<uint32_t>(forms_.size()) - kind.first_form;
    if (kinds_.size() <= code) kinds_.resize(std::max<size_t>(code + 1, kinds_.size() * 2));
    if (kinds_[code].tag == 0) kinds_[code] = kind;
  }
}

const DwarfEntries::Kind* DwarfEntries::find_kind(uint64_t code) const {
  return code < kinds_.size() && kinds_[code].tag != 0 ? &kinds_[code] : nullptr;
}

/// Of the attribute's bytes; -1 when they say it themselves, or the form is not known.
int32_t DwarfEntries::fixed_size_of(uint64_t form) const {
  switch (form) {
    case DW_FORM_flag_present:
    case DW_FORM_implicit_const:
      return 0;
    case DW_FORM_data1:
    case DW_FORM_ref1:
    case DW_FORM_flag:
    case DW_FORM_strx1:
    case DW_FORM_addrx1:
      return 1;
    case DW_FORM_data2:
    case DW_FORM_ref2:
    case DW_FORM_strx2:
    case DW_FORM_addrx2:
      return 2;
    case DW_FORM_strx3:
    case DW_FORM_addrx3:
      return 3;
    case DW_FORM_data4:
    case DW_FORM_ref4:
    case DW_FORM_strx4:
    case DW_FORM_addrx4:
    case DW_FORM_ref_sup4:
      return 4;
    case DW_FORM_data8:
    case DW_FORM_ref8:
    case DW_FORM_ref_sig8:
    case DW_FORM_ref_sup8:
      return 8;
    case DW_FORM_data16:
      return 16;
    case DW_FORM_addr:
      return unit_.address_size;
    case DW_FORM_ref_addr:
      return unit_.version <= 2 ? unit_.address_size : unit_.offset_size;
    case DW_FORM_strp:
    case DW_FORM_line_strp:
    case DW_FORM_sec_offset:
    case DW_FORM_strp_sup:
    case DW_FORM_GNU_ref_alt:
    case DW_FORM_GNU_strp_alt:
      return unit_.offset_size;
    default:
      return -1;
  }
}

void DwarfEntries::skip(uint64_t form, uint32_t nested) {
  if (const int32_t size = fixed_size_of(form); size >= 0) {
    bytes_.skip(static_cast<uint64_t>(size));
    return;
  }
  switch (form) {
    case DW_FORM_block1:
      bytes_.skip(bytes_.read<uint8_t>());
      return;
    case DW_FORM_block2:
      bytes_.skip(bytes_.read<uint16_t>());
      return;
    case DW_FORM_block4:
      bytes_.skip(bytes_.read<uint32_t>());
      return;
    case DW_FORM_block:
    case DW_FORM_exprloc:
      bytes_.skip(read_uleb());
      return;
    case DW_FORM_string:
      bytes_.c_string();
      return;
    case DW_FORM_sdata:
    case DW_FORM_udata:
    case DW_FORM_ref_udata:
    case DW_FORM_strx:
    case DW_FORM_addrx:
    case DW_FORM_loclistx:
    case DW_FORM_rnglistx:
    case DW_FORM_GNU_addr_index:
    case DW_FORM_GNU_str_index:
      read_uleb();
      return;
    case DW_FORM_indirect:
      if (nested < 4) skip(read_uleb(), nested + 1);
      failed_ |= nested >= 4;
      return;
    default:
      failed_ = true;
  }
}

bool DwarfEntries::next() {
  while (!failed_ && bytes_.remaining() > 0) {
    const uint64_t offset = info_.size() - bytes_.remaining();
    const uint64_t code = read_uleb();
    if (code == 0) {  // the end of a list
      if (next_depth_ <= 1) return false;
      --next_depth_;
      continue;
    }
    kind_ = find_kind(code);
    failed_ = kind_ == nullptr;
    if (failed_) break;
    if (kind_->fixed_size >= 0) {
      bytes_.skip(static_cast<uint64_t>(kind_->fixed_size));
    } else {
      for (uint32_t i = 0; i < kind_->forms && !failed_; ++i)
        skip(forms_[kind_->first_form + i], 0);
    }
    if (bytes_.failed() || failed_) break;
    offset_ = offset;
    depth_ = next_depth_;
    if (depth_ == 0 && !kind_->has_children) bytes_ = {};  // what comes next is another unit's
    if (kind_->has_children) ++next_depth_;
    return true;
  }
  failed_ = failed_ || bytes_.failed();
  return false;
}

}  // namespace oc::elf
