#include "sys/bpf_programs.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>

#include "base/bytes.h"
#include "base/fd.h"

namespace oc::sys {

namespace {

constexpr uint32_t kMostInfoBytes =
    64u << 20;  // of one program: what is more is not what the kernel says

/// Where bpf_prog_info says where an array lies, how many elements it has and how large one is.
struct Array {
  unsigned number;  ///< in perf's mask
  size_t pointer_at;
  size_t count_at;
  size_t element_bytes_at;  ///< 0: `element_bytes`
  uint32_t element_bytes = 0;
};

// clang-format off
constexpr Array kArrays[] = {
    {0, offsetof(bpf_prog_info, jited_prog_insns), offsetof(bpf_prog_info, jited_prog_len), 0, 1},
    {3, offsetof(bpf_prog_info, jited_ksyms), offsetof(bpf_prog_info, nr_jited_ksyms), 0, 8},
    {4, offsetof(bpf_prog_info, jited_func_lens), offsetof(bpf_prog_info, nr_jited_func_lens), 0, 4},
    {5, offsetof(bpf_prog_info, func_info), offsetof(bpf_prog_info, nr_func_info), offsetof(bpf_prog_info, func_info_rec_size)},
    {6, offsetof(bpf_prog_info, line_info), offsetof(bpf_prog_info, nr_line_info), offsetof(bpf_prog_info, line_info_rec_size)},
    {7, offsetof(bpf_prog_info, jited_line_info), offsetof(bpf_prog_info, nr_jited_line_info), offsetof(bpf_prog_info, jited_line_info_rec_size)},
    {8, offsetof(bpf_prog_info, prog_tags), offsetof(bpf_prog_info, nr_prog_tags), 0, BPF_TAG_SIZE},
};
// clang-format on

struct FreeTypes {
  void operator()(btf* types) const { btf__free(types); }
};
using Types = std::unique_ptr<btf, FreeTypes>;

uint32_t word_at(const bpf_prog_info& info, size_t at) {
  return base::load<uint32_t>(reinterpret_cast<const uint8_t*>(&info) + at);
}

void put_word(bpf_prog_info& info, size_t at, uint32_t value) {
  std::memcpy(reinterpret_cast<uint8_t*>(&info) + at, &value, sizeof value);
}

void put_pointer(bpf_prog_info& info, size_t at, uint64_t value) {
  std::memcpy(reinterpret_cast<uint8_t*>(&info) + at, &value, sizeof value);
}

uint64_t bytes_of(const bpf_prog_info& info, const Array& array) {
  const uint64_t element =
      array.element_bytes_at != 0 ? word_at(info, array.element_bytes_at) : array.element_bytes;
  return (word_at(info, array.count_at) * element + 7) / 8 * 8;
}

/// Asks twice: how large the arrays are, then for them. `info` has pointers into `data` then.
bool load_info(int fd, bpf_prog_info& info, std::vector<uint8_t>& data) {
  bpf_prog_info sizes{};
  uint32_t size = sizeof sizes;
  if (bpf_obj_get_info_by_fd(fd, &sizes, &size) != 0) return false;
  if (size < offsetof(bpf_prog_info, prog_tags) + sizeof info.prog_tags) return false;
  uint64_t all = 0;
  for (const Array& array : kArrays) all += bytes_of(sizes, array);
  if (all > kMostInfoBytes) return false;
  data.assign(all, 0);
  info = {};
  uint64_t at = 0;
  for (const Array& array : kArrays) {
    put_word(info, array.count_at, word_at(sizes, array.count_at));
    if (array.element_bytes_at != 0)
      put_word(info, array.element_bytes_at, word_at(sizes, array.element_bytes_at));
    put_pointer(info, array.pointer_at, reinterpret_cast<uint64_t>(data.data() + at));
    at += bytes_of(sizes, array);
  }
  size = sizeof info;
  if (bpf_obj_get_info_by_fd(fd, &info, &size) != 0) return false;
  return std::all_of(std::begin(kArrays), std::end(kArrays), [&](const Array& array) {
    return bytes_of(info, array) == bytes_of(sizes, array);
  });
}

/// The name of function `index` by its BTF, or where there is only one by the program's own; "" without.
std::string name_of(const bpf_prog_info& info, const btf* types, std::span<const uint8_t> func_info,
                    uint32_t index) {
  if (types != nullptr && index < info.nr_func_info) {
    const uint64_t at = uint64_t{index} * info.func_info_rec_size;
    if (at + 8 > func_info.size()) return {};
    // struct bpf_func_info: u32 insn_off, u32 type_id
    const btf_type* type = btf__type_by_id(types, base::load<uint32_t>(func_info.data() + at + 4));
    const char* name = type == nullptr ? nullptr : btf__name_by_offset(types, type->name_off);
    return name == nullptr ? "" : name;
  }
  if (info.nr_jited_ksyms > 1) return "F";  // as the kernel calls those of unknown name
  return std::string(
      base::bounded_text(reinterpret_cast<const uint8_t*>(info.name), sizeof info.name));
}

}  // namespace

std::vector<uint32_t> list_bpf_programs() {
  std::vector<uint32_t> ids;
  uint32_t id = 0;
  while (bpf_prog_get_next_id(id, &id) == 0) ids.push_back(id);
  return ids;
}

std::optional<BpfProgram> load_bpf_program(uint32_t id) {
  libbpf_set_print(nullptr);  // what it cannot load it tells by its result
  const base::Fd fd(bpf_prog_get_fd_by_id(id));
  bpf_prog_info info{};
  BpfProgram program;
  if (!fd || !load_info(fd.number(), info, program.data)) return std::nullopt;
  program.id = id;
  std::copy(std::begin(info.tag), std::end(info.tag), program.tag.begin());
  const Types types(info.btf_id != 0 ? btf__load_from_kernel_by_id(info.btf_id) : nullptr);
  if (types) {
    uint32_t size = 0;
    const auto* bytes = static_cast<const uint8_t*>(btf__raw_data(types.get(), &size));
    program.types_id = info.btf_id;
    if (bytes != nullptr) program.types.assign(bytes, bytes + size);
  }
  std::span<const uint8_t> arrays[std::size(kArrays)];
  uint64_t at = 0;
  for (size_t i = 0; i < std::size(kArrays); ++i) {
    const uint64_t size = bytes_of(info, kArrays[i]);
    arrays[i] = {program.data.data() + at, size};
    put_pointer(info, kArrays[i].pointer_at, at);
    program.arrays |= uint64_t{1} << kArrays[i].number;
    at += size;
  }
  const auto& [code, addresses, lengths, functions, lines, code_lines, tags] = arrays;
  for (uint32_t i = 0; i < info.nr_jited_ksyms && i < info.nr_jited_func_lens; ++i) {
    BpfProgram::Function function;
    function.address = base::load<uint64_t>(addresses.data() + uint64_t{i} * 8);
    function.size_bytes = base::load<uint32_t>(lengths.data() + uint64_t{i} * 4);
    if (function.address == 0) continue;
    function.name = "bpf_prog_";
    const uint8_t* tag =
        i < info.nr_prog_tags ? tags.data() + uint64_t{i} * BPF_TAG_SIZE : info.tag;
    for (size_t byte = 0; byte < BPF_TAG_SIZE; ++byte)
      function.name += fmt::format("{:02x}", tag[byte]);
    const std::string name = name_of(info, types.get(), functions, i);
    if (!name.empty()) function.name += "_" + name;
    program.functions.push_back(std::move(function));
  }
  const auto* bytes = reinterpret_cast<const uint8_t*>(&info);
  program.info.assign(bytes, bytes + sizeof info);
  return program;
}

}  // namespace oc::sys
