#include "elf/dwarf_bytes.h"

#include <dwarf.h>

namespace oc::elf {
namespace {

uint64_t fail(base::Bytes& bytes) {
  bytes.skip(~uint64_t{0});
  return 0;
}

template <typename T>
uint64_t read_signed(base::Bytes& bytes) {
  return static_cast<uint64_t>(int64_t{bytes.read<T>()});
}

}  // namespace

uint64_t read_encoded_value(base::Bytes& bytes, uint8_t encoding, uint8_t address_size) {
  switch (encoding & 0x0f) {
    case DW_EH_PE_absptr:
    case DW_EH_PE_signed:
      return read_address(bytes, address_size);
    case DW_EH_PE_uleb128:
      return read_uleb128(bytes);
    case DW_EH_PE_udata2:
      return bytes.read<uint16_t>();
    case DW_EH_PE_udata4:
      return bytes.read<uint32_t>();
    case DW_EH_PE_udata8:
    case DW_EH_PE_sdata8:
      return bytes.read<uint64_t>();
    case DW_EH_PE_sleb128:
      return static_cast<uint64_t>(read_sleb128(bytes));
    case DW_EH_PE_sdata2:
      return read_signed<int16_t>(bytes);
    case DW_EH_PE_sdata4:
      return read_signed<int32_t>(bytes);
    default:
      return fail(bytes);
  }
}

uint64_t read_encoded(base::Bytes& bytes, uint8_t encoding, const PointerBases& bases) {
  uint64_t value = read_encoded_value(bytes, encoding, bases.address_size);
  switch (encoding & 0xf0) {
    case DW_EH_PE_absptr:
      break;
    case DW_EH_PE_pcrel:
      if (value != 0) value += bases.here;  // 0 is null, whatever it counts from
      break;
    case DW_EH_PE_datarel:
      value += bases.data;
      break;
    default:
      return fail(bytes);
  }
  return bases.address_size == 4 ? value & 0xffffffff : value;
}

}  // namespace oc::elf
