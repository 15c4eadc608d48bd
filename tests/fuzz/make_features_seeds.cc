// Writes what traces say of themselves into a new folder: the seeds of features_fuzz, which tells their layout.
// Usage: make_features_seeds FOLDER

#include <filesystem>
#include <fstream>

#include "base/byte_order.h"
#include "support/perf_data_writer.h"
#include "support/record_writer.h"

using namespace oc::test;

namespace {

constexpr size_t kAttrBytes = 136;
constexpr uint8_t kOtherOrder = 1;
constexpr uint8_t kMayGrow = 2;

/// Sections behind each other.
class Sections {
 public:
  explicit Sections(uint8_t flags) { bytes_.put(flags); }
  Sections& add(uint8_t number, const ByteVector& section) {
    bytes_.put(number).u16(section.size()).add(section);
    return *this;
  }
  Sections& attr(const perf_event_attr& attr, const std::vector<uint64_t>& ids) {
    const auto* at = reinterpret_cast<const uint8_t*>(&attr);
    ByteWriter body;
    body.add({at, sizeof attr}).bytes.resize(kAttrBytes);
    poke<uint32_t>(body.bytes, 4, kAttrBytes);
    for (const uint64_t id : ids) body.u64(id);
    return add(0, body.bytes);
  }
  void write(const std::filesystem::path& path) const {
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes_.bytes.data()),
               static_cast<std::streamsize>(bytes_.bytes.size()));
  }

 private:
  ByteWriter bytes_;
};

ByteVector build_id(uint16_t misc, std::string_view path) {
  ByteWriter body;
  body.u32(uint32_t(-1))
      .add(ByteVector(20, 0xab))
      .u32(misc == 0 ? 0 : 20)
      .text(path)
      .put('\0')
      .pad();
  return ByteWriter().u32(67).u16(misc).u16(8 + body.bytes.size()).add(body.bytes).bytes;
}

Sections facts() {
  auto build_ids = build_id((1u << 15) | 1, "[kernel.kallsyms]");
  const auto more = build_id(0, "/bin/true");
  build_ids.insert(build_ids.end(), more.begin(), more.end());
  Sections all(0);
  all.attr(plain_attr(), {1}).add(2, build_ids).add(3, perf_string("host"));
  all.add(4, perf_string("6.1")).add(5, perf_string("7.2")).add(6, perf_string("x86_64"));
  all.add(7, ByteWriter().u32(2).u32(2).bytes).add(8, perf_string("a cpu"));
  all.add(10, ByteWriter().u64(4096).bytes);
  all.add(11, ByteWriter().u32(2).add(perf_string("perf")).add(perf_string("record")).bytes);
  all.add(21, ByteWriter().u64(1).u64(2).bytes);
  return all.add(29, ByteWriter().u32(1).u32(4).u64(1'700'000'000'000'000'000).u64(5).bytes);
}

Sections events() {
  const std::vector<PerfDataWriter::Attr> attrs = {{tracepoint_attr(7), {10, 11}},
                                                   {tracepoint_attr(8), {12}}};
  Sections all(kMayGrow);
  for (const auto& each : attrs) all.attr(each.attr, each.ids);
  all.add(1, tracing_data({format_text("first", 7), format_text("second", 8)}));
  return all.add(12, event_description(attrs, {"sys:first", "sys:second"}));
}

/// simpleperf's pairs of texts.
Sections pairs() {
  ByteWriter meta;
  meta.text("event_type_info").put('\0').text("sys:first,2,7\ncpu-cycles,0,0\nsys:second,2,8");
  meta.put('\0').text("product").put('\0').text("a phone").put('\0');
  return Sections(0).attr(tracepoint_attr(7), {}).attr(tracepoint_attr(8), {}).add(129, meta.bytes);
}

Sections other_order() {
  const auto turned = [](uint32_t value) { return oc::base::swapped(value); };
  ByteWriter cpus, host, attr;
  cpus.u32(turned(2)).u32(turned(1));
  host.u32(turned(5)).text("host").put('\0');
  attr.u32(turned(1)).u32(turned(64)).add(ByteVector(56));
  return Sections(kOtherOrder).add(0, attr.bytes).add(7, cpus.bytes).add(3, host.bytes);
}

}  // namespace

int main(int, char** argv) {
  const std::filesystem::path folder = argv[1];
  std::filesystem::create_directories(folder);
  facts().write(folder / "facts");
  events().write(folder / "events");
  pairs().write(folder / "pairs");
  other_order().write(folder / "other_order");
  return 0;
}
