#include "session/code_records.h"

#include <linux/perf_event.h>
#include <sys/mman.h>

#include "base/bytes.h"
#include "event/kernel_record.h"

namespace oc::session {

using base::bounded_text;
using base::load;
using process::Mapping;

namespace {

// include/uapi/linux/perf_event.h; each means something else in other records.
constexpr uint16_t kMiscMmapData = 1 << 13;  // PERF_RECORD_MISC_MMAP_DATA
constexpr uint16_t kMiscForkExec = 1 << 13;  // PERF_RECORD_MISC_FORK_EXEC
constexpr uint16_t kKsymbolUnregister = 1;   // PERF_RECORD_KSYMBOL_FLAGS_UNREGISTER

constexpr uint32_t kMmapName = 40;  // of the record: header, pid, tid, addr, len, pgoff
constexpr uint32_t kMmap2Name =
    72;  // further maj, min, ino, ino_generation or the build id; prot, flags
constexpr uint32_t kMostBuildId = 20;  // bytes of a build id

/// What MMAP2 says more than MMAP.
void read_identity(uint16_t misc, const uint8_t* record, Mapping& mapping) {
  if ((misc & event::kMmapBuildId) != 0) {
    mapping.build_id =
        process::BuildId({record + 44, std::min<uint32_t>(record[40], kMostBuildId)});
    if (!mapping.build_id) mapping.contents = process::Module::kGone;  // so MappedFiles says it
    return;
  }
  mapping.device = uint64_t{load<uint32_t>(record + 40)} << 32 | load<uint32_t>(record + 44);
  mapping.inode = load<uint64_t>(record + 48);
  mapping.inode_generation = load<uint64_t>(record + 56);
}

}  // namespace

void CodeRecords::add_build_ids(const std::vector<source::BuildId>& ids) {
  for (const source::BuildId& known : ids) {
    const process::BuildId id(known.id);
    const auto [entry, is_new] = listed_.try_emplace(known.path, id);
    if (!is_new && entry->second != id) entry->second = {};
  }
}

process::BuildId CodeRecords::listed(std::string_view path) const {
  const auto found = listed_.find(path);
  return found == listed_.end() ? process::BuildId() : found->second;
}

void CodeRecords::map(uint16_t misc, const uint8_t* record, uint32_t size_bytes, base::Nanos time,
                      bool is_mmap2) {
  const uint32_t name_at = is_mmap2 ? kMmap2Name : kMmapName;
  if (size_bytes < name_at) return;
  const auto pid = load<int32_t>(record + 8);
  Mapping mapping;
  mapping.start = load<uint64_t>(record + 16);
  mapping.size_bytes = load<uint64_t>(record + 24);
  mapping.offset = load<uint64_t>(record + 32);
  mapping.path = bounded_text(record + name_at, size_bytes - name_at);
  const bool is_executable = is_mmap2 && (load<uint32_t>(record + 64) & PROT_EXEC) != 0;
  mapping.is_code = is_executable || (misc & kMiscMmapData) == 0;
  const uint16_t mode = misc & PERF_RECORD_MISC_CPUMODE_MASK;
  if (mode == PERF_RECORD_MISC_KERNEL) return map_kernel(mapping);
  if (mode == PERF_RECORD_MISC_GUEST_KERNEL || mode == PERF_RECORD_MISC_GUEST_USER) return;
  if (mapping.is_code) {
    if (is_mmap2) read_identity(misc, record, mapping);
    if (!mapping.build_id && mapping.contents == 0) mapping.build_id = listed(mapping.path);
    if (!mapping.build_id && look_at_file_) look_at_file_(pid, time, mapping);
  }
  spaces_.map(pid, mapping);
  if (jit_ != nullptr && mapping.is_code) map_jit(pid, mapping);
}

void CodeRecords::map_jit(int32_t pid, const Mapping& mapping) {
  if (JitCode::is_dump(mapping.path)) {
    jit_->add_dump(pid, std::string(mapping.path));
  } else {
    jit_->remap(pid, mapping.start, mapping.size_bytes);
  }
}

/// perf names the kernel by the symbol whose address is then the offset: "[kernel.kallsyms]_text".
void CodeRecords::map_kernel(Mapping mapping) {
  constexpr std::string_view kKernel = "[kernel.kallsyms]";
  const bool is_kernel = mapping.path.starts_with(kKernel);
  const std::string_view symbol = is_kernel ? mapping.path.substr(kKernel.size()) : "";
  if (is_kernel) mapping.path = kKernel;
  mapping.build_id = listed(mapping.path);
  spaces_.map_kernel(mapping);
  if (!is_kernel || has_told_kernel_) return;
  has_told_kernel_ = true;
  const uint64_t address = symbol.empty() ? 0 : mapping.offset;
  tables_.tell_kernel({true, spaces_.kernel_module(), address, std::string(symbol)});
}

/// { header, addr, u32 len, u16 ksym_type, u16 flags, name }
void CodeRecords::kernel_code(const uint8_t* record, uint32_t size_bytes) {
  constexpr uint32_t kNameAt = 24;
  if (size_bytes < kNameAt) return;
  const auto address = load<uint64_t>(record + 8);
  const uint64_t size = load<uint32_t>(record + 16);
  if ((load<uint16_t>(record + 22) & kKsymbolUnregister) != 0)
    return spaces_.remove_kernel_code(address, size);
  spaces_.add_kernel_code(address, size, bounded_text(record + kNameAt, size_bytes - kNameAt));
}

/// { header, pid, ppid, tid, ptid, time }
void CodeRecords::fork(uint16_t misc, const uint8_t* record) {
  const auto pid = load<int32_t>(record + 8);
  const auto parent = load<int32_t>(record + 12);
  if (pid == parent) return spaces_.add_thread(pid, load<int32_t>(record + 16));
  spaces_.fork(pid, parent, (misc & kMiscForkExec) != 0);
  if (jit_ != nullptr) jit_->forget(pid);  // of another process that had this pid
}

/// As of fork.
void CodeRecords::exit(const uint8_t* record) {
  const auto pid = load<int32_t>(record + 8);
  if (spaces_.exit(pid, load<int32_t>(record + 16)) && jit_ != nullptr) jit_->forget(pid);
}

void CodeRecords::apply(uint32_t type, uint16_t misc, const uint8_t* record, uint32_t size_bytes,
                        base::Nanos time) {
  constexpr uint32_t kTaskBytes = 24;  // header, pid, ppid, tid, ptid
  switch (type) {
    case PERF_RECORD_MMAP:
      return map(misc, record, size_bytes, time, false);
    case PERF_RECORD_MMAP2:
      return map(misc, record, size_bytes, time, true);
    case PERF_RECORD_COMM:
      if ((misc & PERF_RECORD_MISC_COMM_EXEC) != 0 && size_bytes >= 16)
        exec(load<int32_t>(record + 8));
      return;
    case PERF_RECORD_FORK:
      if (size_bytes >= kTaskBytes) fork(misc, record);
      return;
    case PERF_RECORD_EXIT:
      if (size_bytes >= kTaskBytes) exit(record);
      return;
    case PERF_RECORD_KSYMBOL:
      return kernel_code(record, size_bytes);
    default:
      return;
  }
}

void CodeRecords::exec(int32_t pid) {
  spaces_.exec(pid);
  if (jit_ != nullptr) jit_->forget(pid);
}

void CodeRecords::apply_all(std::span<const uint8_t> records) {
  for (size_t at = 0; at + sizeof(source::RecordHeader) <= records.size();) {
    const source::RecordHeader header = source::record_header(records.data() + at);
    if (header.size_bytes < sizeof header || header.size_bytes > records.size() - at) return;
    apply(header.type, header.misc, records.data() + at, header.size_bytes, 0);
    at += header.size_bytes;
  }
}

}  // namespace oc::session
