#include "event/kernel_record.h"

#include <linux/perf_event.h>

#include <string>
#include <utility>

namespace oc::event {

namespace {

constexpr uint16_t kCommExec = 1u << 13;   // PERF_RECORD_MISC_COMM_EXEC
constexpr uint16_t kSwitchOut = 1u << 13;  // PERF_RECORD_MISC_SWITCH_OUT

Field integer(const char* name, uint32_t offset, uint32_t size, bool is_signed = false) {
  Field field;
  field.name = name;
  field.type = (is_signed ? "s" : "u") + std::to_string(size * 8);
  field.offset = offset;
  field.size = field.element_size = size;
  field.is_signed = is_signed;
  return field;
}

Field address(const char* name, uint32_t offset) {
  Field field = integer(name, offset, 8);
  field.is_hex = true;
  return field;
}

Field text(const char* name, uint32_t offset) {
  Field field;
  field.name = name;
  field.type = "char[]";
  field.kind = FieldKind::kChars;
  field.offset = offset;
  field.element_size = 1;
  return field;
}

/// So many bytes, or all that are left (0).
Field bytes(const char* name, uint32_t offset, uint32_t size) {
  Field field;
  field.name = name;
  field.type = "u8[]";
  field.kind = FieldKind::kBytes;
  field.offset = offset;
  field.size = size;
  field.element_size = 1;
  return field;
}

/// All words that are left.
Field words(const char* name, uint32_t offset) {
  Field field;
  field.name = name;
  field.type = "u64[]";
  field.kind = FieldKind::kArray;
  field.offset = offset;
  field.element_size = 8;
  return field;
}

EventFormat format(const char* name, std::vector<Field> fields) {
  EventFormat result;
  result.name = name;
  result.fields = std::move(fields);
  return result;
}

std::vector<Field> task_fields() {
  return {integer("pid", 0, 4, true), integer("ppid", 4, 4, true), integer("tid", 8, 4, true),
          integer("ptid", 12, 4, true), integer("time", 16, 8)};
}

std::vector<Field> thread_fields() {
  return {integer("pid", 0, 4, true), integer("tid", 4, 4, true)};
}

std::vector<Field> mmap_fields() {
  auto fields = thread_fields();
  fields.push_back(address("addr", 8));
  fields.push_back(integer("len", 16, 8));
  fields.push_back(address("pgoff", 24));
  return fields;
}

/// The 24 bytes at 32 tell which file: by its device and inode, or by its build.
std::vector<Field> mmap2_fields(std::vector<Field> identity) {
  auto fields = mmap_fields();
  for (Field& field : identity) fields.push_back(std::move(field));
  fields.push_back(integer("prot", 56, 4));
  fields.push_back(integer("flags", 60, 4));
  fields.push_back(text("filename", 64));
  return fields;
}

std::vector<Field> with(std::vector<Field> fields, Field more) {
  fields.push_back(std::move(more));
  return fields;
}

std::vector<EventFormat> make_formats() {
  const std::vector<Field> throttle = {integer("time", 0, 8), integer("id", 8, 8),
                                       integer("stream_id", 16, 8)};
  const std::vector<Field> next = {integer("next_pid", 0, 4, true),
                                   integer("next_tid", 4, 4, true)};
  const std::vector<Field> prev = {integer("prev_pid", 0, 4, true),
                                   integer("prev_tid", 4, 4, true)};
  return {
      format("comm", with(thread_fields(), text("comm", 8))),
      format("exec", with(thread_fields(), text("comm", 8))),
      format("fork", task_fields()),
      format("exit", task_fields()),
      format("mmap", with(mmap_fields(), text("filename", 32))),
      format("mmap2", mmap2_fields({integer("maj", 32, 4), integer("min", 36, 4),
                                    integer("ino", 40, 8), integer("ino_generation", 48, 8)})),
      format("lost", {integer("id", 0, 8), integer("lost", 8, 8)}),
      format("lost_samples", {integer("lost", 0, 8)}),
      format("switch_out", {}),
      format("switch_in", {}),
      format("switch_out_wide", next),
      format("switch_in_wide", prev),
      format("throttle", throttle),
      format("unthrottle", throttle),
      format("mmap2", mmap2_fields({integer("build_id_size", 32, 1), bytes("build_id", 36, 20)})),
      format("cgroup", {integer("id", 0, 8), text("path", 8)}),
      format("namespaces",
             with(with(thread_fields(), integer("nr_namespaces", 8, 8)), words("links", 16))),
      format("ksymbol", {address("addr", 0), integer("len", 8, 4), integer("ksym_type", 12, 2),
                         integer("flags", 14, 2), text("name", 16)}),
      format("bpf_event", {integer("type", 0, 2), integer("flags", 2, 2), integer("id", 4, 4),
                           bytes("tag", 8, 8)}),
      format("text_poke", {address("addr", 0), integer("old_len", 8, 2), integer("new_len", 10, 2),
                           bytes("bytes", 12, 0)}),
      format("aux",
             {integer("aux_offset", 0, 8), integer("aux_size", 8, 8), integer("flags", 16, 8)}),
      format("itrace_start", thread_fields()),
      format("aux_output_hw_id", {integer("hw_id", 0, 8)}),
      format("read", with(thread_fields(), words("values", 8))),
  };
}

}  // namespace

int kernel_record_of(uint32_t type, uint16_t misc) {
  const auto number = [](KernelRecord record) { return static_cast<int>(record); };
  switch (type) {
    case PERF_RECORD_COMM:
      return number((misc & kCommExec) != 0 ? KernelRecord::kExec : KernelRecord::kComm);
    case PERF_RECORD_FORK:
      return number(KernelRecord::kFork);
    case PERF_RECORD_EXIT:
      return number(KernelRecord::kExit);
    case PERF_RECORD_MMAP:
      return number(KernelRecord::kMmap);
    case PERF_RECORD_MMAP2:
      return number((misc & kMmapBuildId) != 0 ? KernelRecord::kMmap2BuildId
                                               : KernelRecord::kMmap2);
    case PERF_RECORD_LOST:
      return number(KernelRecord::kLost);
    case PERF_RECORD_LOST_SAMPLES:
      return number(KernelRecord::kLostSamples);
    case PERF_RECORD_SWITCH:
      return number((misc & kSwitchOut) != 0 ? KernelRecord::kSwitchOut : KernelRecord::kSwitchIn);
    case PERF_RECORD_SWITCH_CPU_WIDE:
      return number((misc & kSwitchOut) != 0 ? KernelRecord::kSwitchOutWide
                                             : KernelRecord::kSwitchInWide);
    case PERF_RECORD_THROTTLE:
      return number(KernelRecord::kThrottle);
    case PERF_RECORD_UNTHROTTLE:
      return number(KernelRecord::kUnthrottle);
    case PERF_RECORD_CGROUP:
      return number(KernelRecord::kCgroup);
    case PERF_RECORD_NAMESPACES:
      return number(KernelRecord::kNamespaces);
    case PERF_RECORD_KSYMBOL:
      return number(KernelRecord::kKsymbol);
    case PERF_RECORD_BPF_EVENT:
      return number(KernelRecord::kBpfEvent);
    case PERF_RECORD_TEXT_POKE:
      return number(KernelRecord::kTextPoke);
    case PERF_RECORD_AUX:
      return number(KernelRecord::kAux);
    case PERF_RECORD_ITRACE_START:
      return number(KernelRecord::kItraceStart);
    case PERF_RECORD_AUX_OUTPUT_HW_ID:
      return number(KernelRecord::kAuxOutputHwId);
    case PERF_RECORD_READ:
      return number(KernelRecord::kRead);
    default:
      return -1;
  }
}

const std::vector<EventFormat>& kernel_record_formats() {
  static const std::vector<EventFormat> formats = make_formats();
  return formats;
}

}  // namespace oc::event
