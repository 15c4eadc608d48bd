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

std::vector<Field> mmap2_fields() {
  auto fields = mmap_fields();  // 24 bytes of file identity at 32: device and inode, or a build id
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
      format("mmap2", mmap2_fields()),
      format("lost", {integer("id", 0, 8), integer("lost", 8, 8)}),
      format("lost_samples", {integer("lost", 0, 8)}),
      format("switch_out", {}),
      format("switch_in", {}),
      format("switch_out_wide", next),
      format("switch_in_wide", prev),
      format("throttle", throttle),
      format("unthrottle", throttle),
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
      return number(KernelRecord::kMmap2);
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
    default:
      return -1;
  }
}

const std::vector<EventFormat>& kernel_record_formats() {
  static const std::vector<EventFormat> formats = make_formats();
  return formats;
}

}  // namespace oc::event
