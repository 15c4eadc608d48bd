#include "event/kernel_record.h"

#include <linux/perf_event.h>

#include <catch2/catch.hpp>
#include <string>

#include "event/field_bytes.h"

using namespace oc::event;

namespace {

const EventFormat& format_of(KernelRecord record) {
  return kernel_record_formats()[static_cast<size_t>(record)];
}

int number(KernelRecord record) { return static_cast<int>(record); }

struct Place {
  const char* name;
  uint32_t offset, size;
};

void check_places(KernelRecord record, std::initializer_list<Place> places) {
  const EventFormat& format = format_of(record);
  INFO(format.name);
  CHECK(format.fields.size() == places.size());
  for (const Place& place : places) {
    const Field* field = format.find(place.name);
    INFO(place.name);
    REQUIRE(field != nullptr);
    CHECK(field->offset == place.offset);
    CHECK(field->size == place.size);
  }
}

}  // namespace

TEST_CASE("records of the kernel are told by type and misc") {
  CHECK(kernel_record_of(PERF_RECORD_COMM, 0) == number(KernelRecord::kComm));
  CHECK(kernel_record_of(PERF_RECORD_COMM, 1u << 13) == number(KernelRecord::kExec));
  CHECK(kernel_record_of(PERF_RECORD_SWITCH, 1u << 13) == number(KernelRecord::kSwitchOut));
  // Preempted: SWITCH_OUT with a second bit.
  CHECK(kernel_record_of(PERF_RECORD_SWITCH, 3u << 13) == number(KernelRecord::kSwitchOut));
  CHECK(kernel_record_of(PERF_RECORD_SWITCH, 0) == number(KernelRecord::kSwitchIn));
  CHECK(kernel_record_of(PERF_RECORD_SWITCH_CPU_WIDE, 0) == number(KernelRecord::kSwitchInWide));
  CHECK(kernel_record_of(PERF_RECORD_SWITCH_CPU_WIDE, 1u << 13) ==
        number(KernelRecord::kSwitchOutWide));
  CHECK(kernel_record_of(PERF_RECORD_MMAP2, PERF_RECORD_MISC_USER) == number(KernelRecord::kMmap2));
  CHECK(kernel_record_of(PERF_RECORD_MMAP2, PERF_RECORD_MISC_USER | 1u << 14) ==
        number(KernelRecord::kMmap2BuildId));
  CHECK(kernel_record_of(PERF_RECORD_CGROUP, 0) == number(KernelRecord::kCgroup));
  CHECK(kernel_record_of(PERF_RECORD_AUX_OUTPUT_HW_ID, 0) == number(KernelRecord::kAuxOutputHwId));
  for (const uint32_t type :
       {0u, uint32_t{PERF_RECORD_SAMPLE}, uint32_t{PERF_RECORD_MAX}, 63u, 64u, 68u, UINT32_MAX}) {
    CHECK(kernel_record_of(type, 0xffff) == -1);
  }
}

TEST_CASE("there is a format for each kind, with a name of its own but for both kinds of mmap2") {
  const auto& formats = kernel_record_formats();
  REQUIRE(formats.size() == kKernelRecords);
  for (size_t i = 0; i < formats.size(); ++i) {
    CHECK_FALSE(formats[i].name.empty());
    for (size_t j = 0; j < i; ++j) {
      const bool is_mmap2 = i == static_cast<size_t>(KernelRecord::kMmap2BuildId) &&
                            j == static_cast<size_t>(KernelRecord::kMmap2);
      CHECK((formats[i].name == formats[j].name) == is_mmap2);
    }
  }
  CHECK(format_of(KernelRecord::kComm).name == "comm");
  CHECK(format_of(KernelRecord::kSwitchInWide).name == "switch_in_wide");
  CHECK(format_of(KernelRecord::kUnthrottle).name == "unthrottle");
}

// Offsets by hand from include/uapi/linux/perf_event.h, less the header's 8 bytes.
TEST_CASE("fields lie where the kernel's header puts them") {
  check_places(KernelRecord::kComm, {{"pid", 0, 4}, {"tid", 4, 4}, {"comm", 8, 0}});
  for (const auto task : {KernelRecord::kFork, KernelRecord::kExit}) {
    check_places(task,
                 {{"pid", 0, 4}, {"ppid", 4, 4}, {"tid", 8, 4}, {"ptid", 12, 4}, {"time", 16, 8}});
  }
  check_places(KernelRecord::kMmap, {{"pid", 0, 4},
                                     {"tid", 4, 4},
                                     {"addr", 8, 8},
                                     {"len", 16, 8},
                                     {"pgoff", 24, 8},
                                     {"filename", 32, 0}});
  check_places(KernelRecord::kMmap2, {{"pid", 0, 4},
                                      {"tid", 4, 4},
                                      {"addr", 8, 8},
                                      {"len", 16, 8},
                                      {"pgoff", 24, 8},
                                      {"maj", 32, 4},
                                      {"min", 36, 4},
                                      {"ino", 40, 8},
                                      {"ino_generation", 48, 8},
                                      {"prot", 56, 4},
                                      {"flags", 60, 4},
                                      {"filename", 64, 0}});
  check_places(KernelRecord::kLost, {{"id", 0, 8}, {"lost", 8, 8}});
  check_places(KernelRecord::kLostSamples, {{"lost", 0, 8}});
  check_places(KernelRecord::kSwitchIn, {});
  check_places(KernelRecord::kSwitchOutWide, {{"next_pid", 0, 4}, {"next_tid", 4, 4}});
  check_places(KernelRecord::kSwitchInWide, {{"prev_pid", 0, 4}, {"prev_tid", 4, 4}});
  check_places(KernelRecord::kMmap2BuildId, {{"pid", 0, 4},
                                             {"tid", 4, 4},
                                             {"addr", 8, 8},
                                             {"len", 16, 8},
                                             {"pgoff", 24, 8},
                                             {"build_id_size", 32, 1},
                                             {"build_id", 36, 20},
                                             {"prot", 56, 4},
                                             {"flags", 60, 4},
                                             {"filename", 64, 0}});
  check_places(KernelRecord::kCgroup, {{"id", 0, 8}, {"path", 8, 0}});
  check_places(KernelRecord::kNamespaces,
               {{"pid", 0, 4}, {"tid", 4, 4}, {"nr_namespaces", 8, 8}, {"links", 16, 0}});
  check_places(
      KernelRecord::kKsymbol,
      {{"addr", 0, 8}, {"len", 8, 4}, {"ksym_type", 12, 2}, {"flags", 14, 2}, {"name", 16, 0}});
  check_places(KernelRecord::kBpfEvent,
               {{"type", 0, 2}, {"flags", 2, 2}, {"id", 4, 4}, {"tag", 8, 8}});
  check_places(KernelRecord::kTextPoke,
               {{"addr", 0, 8}, {"old_len", 8, 2}, {"new_len", 10, 2}, {"bytes", 12, 0}});
  check_places(KernelRecord::kAux, {{"aux_offset", 0, 8}, {"aux_size", 8, 8}, {"flags", 16, 8}});
  check_places(KernelRecord::kItraceStart, {{"pid", 0, 4}, {"tid", 4, 4}});
  check_places(KernelRecord::kAuxOutputHwId, {{"hw_id", 0, 8}});
  check_places(KernelRecord::kRead, {{"pid", 0, 4}, {"tid", 4, 4}, {"values", 8, 0}});
  check_places(KernelRecord::kThrottle, {{"time", 0, 8}, {"id", 8, 8}, {"stream_id", 16, 8}});
}

TEST_CASE("what must be there is up to the text, which may be empty") {
  CHECK(format_of(KernelRecord::kComm).fixed_size() == 8);
  CHECK(format_of(KernelRecord::kFork).fixed_size() == 24);
  CHECK(format_of(KernelRecord::kMmap).fixed_size() == 32);
  CHECK(format_of(KernelRecord::kMmap2).fixed_size() == 64);
  CHECK(format_of(KernelRecord::kSwitchOut).fixed_size() == 0);
  CHECK(format_of(KernelRecord::kSwitchOutWide).fixed_size() == 8);
}
