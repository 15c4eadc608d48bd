// Writes small perf.data files with every kind of record and sample field into a new folder: the seeds of
// perf_data_fuzz. Usage: make_perf_data_seeds FOLDER

#include <filesystem>
#include <fstream>
#include <string>

#include "support/perf_data_writer.h"
#include "support/record_writer.h"
#include "support/stream_writer.h"

using namespace oc::test;

namespace {

void add_records(RecordWriter& w, uint64_t id) {
  const Fields at{.time = 100, .id = id, .pid = 5, .tid = 6, .cpu = 1};
  w.comm(at, 5, 5, "bash").fork(at, 6, 6, 5, 5).comm(at, 6, 6, "ls", true);
  w.mmap(at, 0x1000, 0x2000, "/bin/ls")
      .context_switch(at, true)
      .context_switch_wide(at, false, 1, 2);
  w.kernel(PERF_RECORD_MMAP2, 0, ByteVector(80), at).lost(at, id, 3).lost_samples(at, 4).round();
  w.kernel(PERF_RECORD_MMAP2, 1u << 14, ByteVector(80, 20), at);
  for (uint32_t type = PERF_RECORD_AUX; type < PERF_RECORD_MAX; ++type)
    w.kernel(type, 0, ByteVector(48, 3), at);
  w.kernel(PERF_RECORD_THROTTLE, 0, ByteVector(24), at).exit({.time = 90, .id = id}, 6, 6);
  w.record(71, 0, ByteWriter().u64(16).add(ByteVector(32)).bytes).raw_bytes(ByteVector(16)).round();
}

PerfDataWriter plain() {
  RecordWriter w(plain_attr());
  add_records(w, 1);
  for (const uint64_t time : {9, 8, 12, 0, 11}) w.sample({.time = time, .id = 1});
  return PerfDataWriter(w.attr, w.bytes);
}

PerfDataWriter tracepoints() {
  RecordWriter w(tracepoint_attr(7));
  add_records(w, 10);
  for (uint64_t i = 0; i < 6; ++i)
    w.raw_sample({.time = 50 + i % 3, .id = 10 + i}, ByteVector(24, 'x'));
  PerfDataWriter file;
  file.add(tracepoint_attr(7), {10, 11}).add(tracepoint_attr(8), {12, 13, 14});
  file.records = w.bytes;
  file.feature(1, tracing_data({format_text("first", 7), format_text("second", 8)}));
  file.feature(3, perf_string("host")).feature(7, ByteWriter().u32(2).u32(2).bytes);
  file.feature(11, ByteWriter().u32(1).add(perf_string("perf")).bytes);
  file.feature(12, event_description(file.attrs, {"sys:first", "sys:second"}));
  file.feature(21, ByteWriter().u64(1).u64(2).bytes);
  return file;
}

PerfDataWriter every_field() {
  auto attr = tracepoint_attr(7);
  attr.sample_type = (1ull << 25) - 1;
  attr.read_format = PERF_FORMAT_GROUP | PERF_FORMAT_ID;
  attr.branch_sample_type = 1ull << 17;
  attr.sample_regs_user = attr.sample_regs_intr = 3;
  RecordWriter w(attr);
  add_records(w, 1);
  ByteWriter tail;
  tail.u64(1).u64(11).u64(12).u64(2).u64(0xaa).u64(0xbb);                      // READ, CALLCHAIN
  tail.add(raw_part(ByteVector(24, 'x'))).u64(1).u64(0).u64(1).u64(2).u64(3);  // RAW, branches
  tail.u64(2).u64(21).u64(22).u64(8).u64(31).u64(8);      // REGS_USER, STACK_USER
  tail.u64(41).u64(42).u64(43).u64(1).u64(51).u64(52);    // weight … REGS_INTR
  tail.u64(61).u64(62).u64(63).u64(64).u64(8).u64(0xab);  // addresses, sizes, AUX
  for (const uint64_t time : {30, 20, 40}) w.sample({.time = time, .id = 1}, tail.bytes);
  PerfDataWriter file(attr, w.bytes);
  file.feature(1, tracing_data({format_text("first", 7)}));
  return file;
}

}  // namespace

int main(int, char** argv) {
  const std::filesystem::path folder = argv[1];
  std::filesystem::create_directories(folder);
  auto unfinished = tracepoints();
  unfinished.is_finished = false;
  auto old = plain();
  old.magic = "PERFFILE";
  old.header_size = 72;
  old.attr_bytes = 64;
  const std::pair<const char*, PerfDataWriter> seeds[] = {{"plain", plain()},
                                                          {"tracepoints", tracepoints()},
                                                          {"every_field", every_field()},
                                                          {"unfinished", unfinished},
                                                          {"old", old}};
  const auto write = [&](const char* name, const ByteVector& bytes) {
    std::ofstream(folder / name, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
  };
  for (const auto& [name, writer] : seeds) write(name, writer.bytes());
  for (const auto& [name, writer] :
       {std::pair{"pipe_tracepoints", tracepoints()}, std::pair{"pipe_every_field", every_field()}})
    write(name, pipe_bytes(writer));
  RecordWriter w(tracepoint_attr(7));
  w.comm({.time = 1, .id = 10}, 5, 5, "bash");
  for (uint64_t i = 0; i < 60; ++i)
    w.raw_sample({.time = 50 + i, .id = 10 + i % 5}, ByteVector(24, 'x'));
  auto packed = tracepoints();
  packed.records = compressed_records(w.bytes, 81, 100);
  packed.feature(27, ByteVector(20));
  write("compressed", packed.bytes());
  packed.records = compressed_records(w.bytes, 83, 64);
  packed.features.erase(27);
  write("pipe_compressed2", pipe_bytes(packed));
  return 0;
}
