#include "support/cfi_writer.h"

#include <algorithm>

namespace oc::test {

CfiWriter& CfiWriter::common(const CommonEntry& entry) {
  common_ = entry;
  common_at_ = out_.bytes.size();
  out_.u32(0).u32(is_debug_frame_ ? 0xffffffff : 0).put(entry.version);
  out_.text(entry.augmentation).put(uint8_t{0});
  if (entry.version == 4) out_.put(uint8_t{8}).put(uint8_t{0});
  CfiProgram numbers;
  numbers.uleb(entry.code_alignment).sleb(entry.data_alignment).uleb(entry.return_column);
  out_.add(numbers.bytes);
  if (entry.augmentation.starts_with('z')) {
    ByteVector data;
    for (const char letter : entry.augmentation) {
      if (letter == 'R') data.push_back(entry.encoding);
      if (letter == 'L') data.push_back(DW_EH_PE_omit);
      if (letter == 'P') data.insert(data.end(), {DW_EH_PE_udata4, 1, 2, 3, 4});
    }
    out_.put(static_cast<uint8_t>(data.size())).add(data);
  }
  out_.add(entry.program.bytes);
  finish(common_at_);
  return *this;
}

CfiWriter& CfiWriter::function(uint64_t start, uint64_t size, const CfiProgram& program) {
  const size_t at = out_.bytes.size();
  functions_.push_back({start, at});
  const uint64_t place = at + 4;
  out_.u32(0).u32(is_debug_frame_ ? common_at_ : place - common_at_);
  if (common_.augmentation.find('R') == std::string::npos) {
    out_.u64(start).u64(size);
  } else {
    const uint64_t base =
        (common_.encoding & DW_EH_PE_pcrel) != 0 ? address_ + out_.bytes.size() : 0;
    out_.u32(start - base).u32(size);
  }
  if (common_.augmentation.starts_with('z')) out_.put(uint8_t{0});
  out_.add(program.bytes);
  finish(at);
  return *this;
}

/// Pads with DW_CFA_nop and fills in the length.
void CfiWriter::finish(size_t length_at) {
  while ((out_.bytes.size() - length_at) % 8 != 4) out_.put(uint8_t{DW_CFA_nop});
  poke(out_.bytes, length_at, static_cast<uint32_t>(out_.bytes.size() - length_at - 4));
}

ByteVector CfiWriter::header(uint64_t address) const {
  auto sorted = functions_;
  std::sort(sorted.begin(), sorted.end(),
            [](const Function& a, const Function& b) { return a.start < b.start; });
  ByteWriter out;
  out.put(uint8_t{1}).put(uint8_t{DW_EH_PE_pcrel | DW_EH_PE_sdata4});
  out.put(uint8_t{DW_EH_PE_udata4}).put(uint8_t{DW_EH_PE_datarel | DW_EH_PE_sdata4});
  out.u32(address_ - (address + 4)).u32(sorted.size());
  for (const Function& function : sorted)
    out.u32(function.start - address).u32(address_ + function.offset - address);
  return out.bytes;
}

}  // namespace oc::test
