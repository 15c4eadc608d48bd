#include "perf/rundown.h"

#include <fmt/format.h>
#include <linux/perf_event.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>

#include "elf/build_id.h"
#include "event/kernel_record.h"
#include "sys/cgroup.h"
#include "sys/files.h"

namespace oc::perf {

using base::ByteSink;

namespace {

constexpr uint16_t kMiscKernel = PERF_RECORD_MISC_KERNEL;
constexpr uint16_t kMiscUser = PERF_RECORD_MISC_USER;
constexpr uint16_t kMiscForkExec = 1 << 13;  // PERF_RECORD_MISC_FORK_EXEC: takes no mappings over
constexpr size_t kMostPath = 4000;
constexpr size_t kMostSymbol = 511;  // KSYM_NAME_LEN, less its end
constexpr size_t kBuildIdBytes = 20;

struct KernelText {
  uint64_t start = 0;
  uint64_t size_bytes = 0;
};

/// Where the kernel's code lies: its start from the first lines of kallsyms, which has every symbol; its size
/// from iomem. Zeros where this user may not know.
KernelText find_kernel_text(const std::string& proc) {
  KernelText text;
  const std::string symbols = sys::read_text(proc + "/kallsyms", 64 << 10);
  const size_t found = symbols.find(" T _text\n");
  if (found == std::string::npos || found < 16) return text;
  std::from_chars(symbols.data() + found - 16, symbols.data() + found, text.start, 16);
  const std::string memory = sys::read_text(proc + "/iomem", 1 << 20);
  const size_t code = memory.find(" : Kernel code");
  if (code == std::string::npos) return text;
  const size_t line = memory.rfind('\n', code) + 1;
  std::string_view range = std::string_view(memory).substr(line, code - line + 1);
  while (range.starts_with(' ')) range.remove_prefix(1);
  uint64_t first = 0;
  uint64_t last = 0;
  if (take_number(range, first, 16, '-') && take_number(range, last, 16, ' ') && last > first)
    text.size_bytes = last - first + 1;
  return text;
}

}  // namespace

Rundown::Rundown(size_t trailer_bytes, SidebandExtras extras, std::string proc)
    : proc_(std::move(proc)), files_(proc_), extras_(extras), trailer_bytes_(trailer_bytes) {}

size_t Rundown::begin(ByteSink& records, uint32_t type, uint16_t misc) const {
  const size_t start = records.size();
  records.put(type);
  records.put(misc);
  records.put(uint16_t{0});
  return start;
}

void Rundown::end(ByteSink& records, size_t start) const {
  records.put_zeros((8 - (records.size() - start) % 8) % 8 + trailer_bytes_);
  records.patch(start + 6, static_cast<uint16_t>(records.size() - start));
}

void Rundown::add_kernel_mapping(uint64_t start, uint64_t size_bytes, uint64_t offset,
                                 std::string_view name, ByteSink& records) {
  const size_t at = begin(records, PERF_RECORD_MMAP, kMiscKernel);
  records.put(int32_t{-1});
  records.put(int32_t{0});
  records.put(start);
  records.put(size_bytes);
  records.put(offset);
  records.put_text(name);
  records.put(uint8_t{0});
  end(records, at);
}

void Rundown::add_kernel(ByteSink& records) {
  mapped_.clear();  // a list begins with the kernel
  const KernelText text = find_kernel_text(proc_);
  if (text.start == 0) return;
  const uint64_t size = text.size_bytes != 0 ? text.size_bytes : ~text.start;
  add_kernel_mapping(text.start, size, text.start, "[kernel.kallsyms]_text", records);
  const std::string notes = sys::read_text("/sys/kernel/notes", 64 << 10);
  const auto id =
      elf::find_build_id_note({reinterpret_cast<const uint8_t*>(notes.data()), notes.size()});
  if (!id.empty()) files_.add_kernel("[kernel.kallsyms]", id);
  add_modules(records);
}

void Rundown::add_modules(ByteSink& records) {
  const std::string lines = sys::read_text(proc_ + "/modules", 4 << 20);
  std::string_view rest = lines;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const size_t name_end = line.find(' ');
    const size_t address = line.find(" 0x");
    if (name_end == std::string_view::npos || address == std::string_view::npos) continue;
    const std::string name(line.substr(0, name_end));
    uint64_t size = 0;
    uint64_t start = 0;
    std::string_view size_text = line.substr(name_end + 1);
    take_number(size_text, size, 10, ' ');
    const std::string_view digits = line.substr(address + 3);
    std::from_chars(digits.data(), digits.data() + digits.size(), start, 16);
    if (start == 0 || size == 0) continue;
    add_kernel_mapping(start, size, 0, "[" + name + "]", records);
    const std::string notes =
        sys::read_text("/sys/module/" + name + "/notes/.note.gnu.build-id", 4096);
    const auto id =
        elf::find_build_id_note({reinterpret_cast<const uint8_t*>(notes.data()), notes.size()});
    if (!id.empty()) files_.add_kernel("[" + name + "]", id);
  }
}

void Rundown::add_thread(const sys::ThreadInfo& thread, ByteSink& records) {
  if (thread.comm.empty()) return;  // it has gone
  add_fork(thread, records);
  add_comm(thread, records);
  const bool is_first = thread.pid == thread.tid;
  // By the first thread that is listed and has any: that of the process may have ended, or nobody asked for it.
  if (!is_first && mapped_.count(thread.pid) != 0) return;
  if (is_first && extras_.namespaces) add_namespaces(thread, records);
  if (add_mappings(thread, records)) mapped_.insert(thread.pid);
}

void Rundown::add_fork(const sys::ThreadInfo& thread, ByteSink& records) {
  int32_t parent = thread.pid;
  if (thread.pid == thread.tid) {
    // "pid (comm) S ppid …": the name may hold anything, also parentheses.
    const std::string stat = sys::read_text(fmt::format("{}/{}/stat", proc_, thread.pid), 4096);
    const size_t name_end = stat.rfind(')');
    if (name_end == std::string::npos || name_end + 4 >= stat.size()) return;
    std::from_chars(stat.data() + name_end + 4, stat.data() + stat.size(), parent);
  }
  const size_t at = begin(records, PERF_RECORD_FORK, kMiscForkExec);
  for (const int32_t number : {thread.pid, parent, thread.tid, parent}) records.put(number);
  records.put(uint64_t{0});
  end(records, at);
}

void Rundown::add_comm(const sys::ThreadInfo& thread, ByteSink& records) {
  const size_t at = begin(records, PERF_RECORD_COMM, 0);
  records.put(thread.pid);
  records.put(thread.tid);
  records.put_text(thread.comm);
  records.put(uint8_t{0});
  end(records, at);
}

void Rundown::add_namespaces(const sys::ThreadInfo& thread, ByteSink& records) {
  // By index: NET_NS_INDEX … of linux/perf_event.h.
  static constexpr const char* kNames[] = {"net", "uts", "ipc", "pid", "user", "mnt", "cgroup"};
  const size_t at = begin(records, PERF_RECORD_NAMESPACES, 0);
  records.put(thread.pid);
  records.put(thread.tid);
  records.put(uint64_t{std::size(kNames)});
  for (const char* name : kNames) {
    struct stat info {};
    const std::string path = fmt::format("{}/{}/ns/{}", proc_, thread.pid, name);
    const bool is_there = stat(path.c_str(), &info) == 0;
    records.put(is_there ? static_cast<uint64_t>(info.st_dev) : 0);
    records.put(is_there ? static_cast<uint64_t>(info.st_ino) : 0);
  }
  end(records, at);
}

/// False: it has none.
bool Rundown::add_mappings(const sys::ThreadInfo& thread, ByteSink& records) {
  const int32_t pid = thread.pid;
  const std::string path = thread.tid == pid
                               ? fmt::format("{}/{}/maps", proc_, pid)
                               : fmt::format("{}/{}/task/{}/maps", proc_, pid, thread.tid);
  text_ = sys::read_text(path, 64 << 20);
  std::string_view rest = text_;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    MapsLine mapping;
    if (!parse_maps_line(line, mapping)) continue;
    const bool is_code = (mapping.prot & PROT_EXEC) != 0;
    if (!is_code && !(includes_data_ && mapping.path.starts_with('/'))) continue;
    if (mapping.path.empty()) mapping.path = "//anon";
    add_mapping(pid, mapping, records);
  }
  return !text_.empty();
}

void Rundown::add_mapping(int32_t pid, const MapsLine& mapping, ByteSink& records) {
  const MappedFile* file = files_.find(pid, mapping);
  const std::vector<uint8_t> id = file != nullptr ? file->build_id : std::vector<uint8_t>();
  const bool has_id = !id.empty() && id.size() <= kBuildIdBytes && extras_.build_ids;
  const bool is_code = (mapping.prot & PROT_EXEC) != 0;
  const size_t at =
      begin(records, PERF_RECORD_MMAP2,
            static_cast<uint16_t>(kMiscUser | (is_code ? 0 : PERF_RECORD_MISC_MMAP_DATA) |
                                  (has_id ? event::kMmapBuildId : 0)));
  records.put(pid);
  records.put(pid);
  records.put(mapping.start);
  records.put(mapping.end - mapping.start);
  records.put(mapping.offset);
  if (has_id) {
    records.put(static_cast<uint32_t>(id.size()));  // u8 and three reserved
    records.put_bytes(id);
    records.put_zeros(kBuildIdBytes - id.size());
  } else {
    records.put(mapping.major);
    records.put(mapping.minor);
    records.put(mapping.inode);
    records.put(file != nullptr ? file->generation : 0);
  }
  records.put(mapping.prot);
  records.put(mapping.flags);
  records.put_text(mapping.path.substr(0, kMostPath));
  records.put(uint8_t{0});
  end(records, at);
}

void Rundown::add_cgroups(ByteSink& records) {
  if (!extras_.cgroups) return;
  const auto root = sys::find_cgroup2();
  if (!root) return;
  for (const sys::Cgroup& group : sys::scan_cgroups(*root)) {
    const size_t at = begin(records, PERF_RECORD_CGROUP, 0);
    records.put(group.id);
    records.put_text(std::string_view(group.path).substr(0, kMostPath));
    records.put(uint8_t{0});
    end(records, at);
  }
}

/// { header, u64 addr, u32 len, u16 ksym_type, u16 flags, name } and { header, u16 type, u16 flags, u32 id, u8 tag[8] }
void Rundown::add_bpf_program(const sys::BpfProgram& program, ByteSink& records) {
  for (const auto& function : program.functions) {
    if (!extras_.ksymbols) break;
    const size_t at = begin(records, PERF_RECORD_KSYMBOL, 0);
    records.put(function.address);
    records.put(function.size_bytes);
    records.put(uint16_t{PERF_RECORD_KSYMBOL_TYPE_BPF});
    records.put(uint16_t{0});
    records.put_text(std::string_view(function.name).substr(0, kMostSymbol));
    records.put(uint8_t{0});
    end(records, at);
  }
  if (!extras_.bpf_events) return;
  const size_t at = begin(records, PERF_RECORD_BPF_EVENT, 0);
  records.put(uint16_t{PERF_BPF_EVENT_PROG_LOAD});
  records.put(uint16_t{0});
  records.put(program.id);
  records.put_bytes(program.tag);
  end(records, at);
}

}  // namespace oc::perf
