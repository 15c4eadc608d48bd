#include "elf/cfi_entry.h"

#include <dwarf.h>

#include "elf/dwarf_bytes.h"

namespace oc::elf {
namespace {

/// What stands before the body of any entry.
struct Header {
  uint64_t at = 0;     ///< where its body starts in the section, behind the length
  uint64_t size = 0;   ///< of the body
  uint64_t id_at = 0;  ///< where the number is that says what it is
  uint64_t id = 0;
  bool is_64 = false;  ///< of the 64-bit DWARF format

  uint64_t end() const { return at + size; }
};

struct Common {
  std::span<const uint8_t> program;
  uint64_t code_alignment = 1;
  int64_t data_alignment = 1;
  uint64_t return_column = 0;
  uint8_t pointer_encoding = DW_EH_PE_absptr;
  uint8_t address_size = 8;
  bool is_signal_frame = false;
  bool has_augmentation_size = false;
};

/// False at the end of the section, of its entries (a length of 0), or where the length leads out of it.
bool read_header(const CfiSection& section, uint64_t offset, Header& header) {
  if (offset > section.bytes.size()) return false;
  base::Bytes bytes(section.bytes.subspan(offset));
  header.size = bytes.read<uint32_t>();
  header.is_64 = header.size == 0xffffffff;
  if (header.is_64) header.size = bytes.read<uint64_t>();
  header.at = offset + bytes.offset();
  if (bytes.failed() || header.size == 0 || header.size > bytes.remaining()) return false;
  bytes = base::Bytes(section.bytes.subspan(header.at, header.size));
  header.id_at = header.at;
  header.id = header.is_64 ? bytes.read<uint64_t>() : bytes.read<uint32_t>();
  return true;  // a body without an id is a bad entry, not the end
}

bool is_common(const CfiSection& section, const Header& header) {
  if (!section.is_debug_frame) return header.id == 0;
  return header.id == (header.is_64 ? ~uint64_t{0} : 0xffffffff);
}

/// The letters behind 'z'. What an unknown one stands for has an unknown size, so the encoding of pointers must
/// have been said before it.
void read_augmentation(std::string_view letters, base::Bytes bytes, Common& common) {
  for (const char letter : letters) {
    if (letter == 'R') {
      common.pointer_encoding = bytes.read<uint8_t>();
    } else if (letter == 'L') {
      bytes.skip(1);
    } else if (letter == 'P') {
      const auto encoding = bytes.read<uint8_t>();
      read_encoded_value(bytes, encoding, common.address_size);
    } else if (letter == 'S') {
      common.is_signal_frame = true;
    } else if (letter != 'B' && letter != 'G') {  // arm64: which key signs addresses, tagged memory
      return;
    }
  }
}

bool read_common(const CfiSection& section, uint64_t offset, Common& common) {
  Header header;
  if (!read_header(section, offset, header) || !is_common(section, header)) return false;
  base::Bytes bytes(section.bytes.subspan(header.at, header.size));
  bytes.skip(header.is_64 ? 8 : 4);
  const auto version = bytes.read<uint8_t>();
  if (version != 1 && version != 3 && version != 4) return false;
  std::string_view augmentation = bytes.c_string();
  common.address_size = section.address_size;
  if (version == 4) {
    common.address_size = bytes.read<uint8_t>();
    if (bytes.read<uint8_t>() != 0) return false;  // segments
  }
  if (augmentation == "eh") {  // gcc 2: a pointer for its exception tables
    bytes.skip(common.address_size);
    augmentation = {};
  }
  common.code_alignment = read_uleb128(bytes);
  common.data_alignment = read_sleb128(bytes);
  common.return_column = version == 1 ? bytes.read<uint8_t>() : read_uleb128(bytes);
  if (augmentation.starts_with('z')) {
    const auto data = bytes.take(read_uleb128(bytes));
    read_augmentation(augmentation.substr(1), base::Bytes(data), common);
    common.has_augmentation_size = true;
  } else if (!augmentation.empty()) {
    return false;
  }
  common.program = bytes.take(bytes.remaining());
  return !bytes.failed();
}

std::optional<CfiEntry> read_function(const CfiSection& section, const Header& header) {
  // In .eh_frame the number is a distance back from where it stands, in .debug_frame an offset.
  if (!section.is_debug_frame && header.id > header.id_at) return {};
  Common common;
  if (!read_common(section, section.is_debug_frame ? header.id : header.id_at - header.id, common))
    return {};
  base::Bytes bytes(section.bytes.subspan(header.at, header.size));
  bytes.skip(header.is_64 ? 8 : 4);
  const uint64_t here = section.address + header.at + bytes.offset();
  CfiEntry entry;
  entry.start = read_encoded(bytes, common.pointer_encoding, {here, 0, common.address_size});
  const uint64_t size = read_encoded_value(bytes, common.pointer_encoding, common.address_size);
  if (common.has_augmentation_size) bytes.skip(read_uleb128(bytes));
  entry.program_address = section.address + header.at + bytes.offset();
  entry.program = bytes.take(bytes.remaining());
  if (bytes.failed() || size > ~entry.start) return {};
  entry.end = entry.start + size;
  entry.initial = common.program;
  entry.code_alignment = common.code_alignment;
  entry.data_alignment = common.data_alignment;
  entry.return_column = common.return_column;
  entry.pointer_encoding = common.pointer_encoding;
  entry.address_size = common.address_size;
  entry.is_signal_frame = common.is_signal_frame;
  return entry;
}

}  // namespace

std::optional<CfiEntry> read_cfi_entry(const CfiSection& section, uint64_t offset) {
  Header header;
  if (!read_header(section, offset, header) || is_common(section, header)) return {};
  return read_function(section, header);
}

bool CfiWalk::next(CfiEntry& entry, uint64_t& offset) {
  Header header;
  while (read_header(section_, at_, header)) {
    offset = at_;
    at_ = header.end();
    if (is_common(section_, header)) continue;
    const auto found = read_function(section_, header);
    if (found) {
      entry = *found;
      return true;
    }
    ++bad_entries_;
  }
  return false;
}

}  // namespace oc::elf
