#include "event/record_text.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <string>
#include <vector>

#include "event/field_bytes.h"

using oc::event::EventFormat;
using oc::event::Field;
using oc::event::field_bytes;
using oc::event::FieldBytes;
using oc::event::FieldKind;

namespace {

/// Bytes of a payload under construction.
struct Payload {
  std::vector<uint8_t> bytes;

  template <typename T>
  Payload& put(size_t offset, T value) {
    if (bytes.size() < offset + sizeof value) bytes.resize(offset + sizeof value);
    std::memcpy(bytes.data() + offset, &value, sizeof value);
    return *this;
  }
  Payload& text(size_t offset, const std::string& value) {
    for (size_t i = 0; i < value.size(); ++i) put(offset + i, value[i]);
    return *this;
  }
};

EventFormat format_of(const std::string& fields, const std::string& print_fmt = "\"\"") {
  const auto format = oc::event::parse_format(
      "name: x\nID: 1\nformat:\n\tfield:int common_pid;\toffset:0;\tsize:4;\tsigned:1;\n\n" +
          fields + "\nprint fmt: " + print_fmt + "\n",
      "test");
  REQUIRE(format);
  return *format;
}

std::string text_of(const EventFormat& format, const Payload& payload) {
  std::string out;
  oc::event::append_text(format, payload.bytes, out);
  return out;
}

constexpr const char* kName = "field:__data_loc char[] name; offset:4; size:4; signed:0;";
constexpr const char* kRelative = "field:__rel_loc char[] name; offset:4; size:4; signed:0;";

}  // namespace

TEST_CASE("all fields but the common ones are printed in order") {
  const EventFormat format = format_of(
      "field:char comm[8]; offset:4; size:8; signed:0;\n"
      "field:int prio; offset:12; size:4; signed:1;\n"
      "field:u16 port; offset:16; size:2; signed:0;\n"
      "field:bool ok; offset:18; size:1; signed:0;\n"
      "field:signed char level; offset:19; size:1; signed:1;\n"
      "field:double load; offset:24; size:8; signed:0;\n"
      "field:void * ptr; offset:32; size:8; signed:0;\n");
  Payload payload;
  payload.text(4, "a b").put<int32_t>(12, -5).put<uint16_t>(16, 65535).put<uint8_t>(18, 1);
  payload.put<int8_t>(19, -2).put<double>(24, 1.5).put<uint64_t>(32, 0xffff888812345678);
  CHECK(text_of(format, payload) ==
        "comm=a b prio=-5 port=65535 ok=1 level=-2 load=1.5 ptr=0xffff888812345678");
}

TEST_CASE("arrays are lists, in hex only when they hold addresses") {
  const std::string fields =
      "field:unsigned long args[2]; offset:8; size:16; signed:0;\n"
      "field:s32 deltas[2]; offset:24; size:8; signed:1;\n"
      "field:struct blob b; offset:32; size:3; signed:0;\n";
  Payload payload;
  payload.put<uint64_t>(8, 1).put<uint64_t>(16, 0x20).put<int32_t>(24, -1).put<int32_t>(28, 7);
  payload.put<uint8_t>(32, 0xab).put<uint8_t>(33, 0).put<uint8_t>(34, 1);
  CHECK(text_of(format_of(fields), payload) == "args={1, 32} deltas={-1, 7} b=ab0001");
  CHECK(text_of(format_of(fields, "\"%lx\", REC->args[0]"), payload) ==
        "args={0x1, 0x20} deltas={-1, 7} b=ab0001");
}

TEST_CASE("a __data_loc offset counts from the payload's start") {
  Payload payload;
  payload.put<uint32_t>(4, 5u << 16 | 12).put<uint32_t>(8, 0).text(12, "sda1").put<char>(16, 0);
  CHECK(text_of(format_of(kName), payload) == "name=sda1");
}

TEST_CASE("a __rel_loc offset counts from the end of its own u32") {
  Payload payload;
  payload.put<uint32_t>(4, 5u << 16 | 4).put<uint32_t>(8, 0).text(12, "sda1").put<char>(16, 0);
  CHECK(text_of(format_of(kRelative), payload) == "name=sda1");
}

TEST_CASE("dynamic arrays and bytes are printed by their elements") {
  Payload payload;
  payload.put<uint32_t>(4, 10u << 16 | 8).put<uint32_t>(8, 1).put<uint32_t>(12, 2);
  payload.put<uint16_t>(16, 0xffff);  // half an element more: ignored
  CHECK(text_of(format_of("field:__data_loc u32[] v; offset:4; size:4; signed:0;"), payload) ==
        "v={1, 2}");
  CHECK(text_of(format_of("field:__data_loc cpumask_t v; offset:4; size:4; signed:0;"), payload) ==
        "v=0100000002000000ffff");
}

TEST_CASE("a dynamic field that points outside the payload is called so") {
  Payload payload;
  payload.put<uint32_t>(4, 5u << 16 | 12).put<uint32_t>(8, 0);
  CHECK(text_of(format_of(kName), payload) == "name=<bad offset>");
  payload.put<uint32_t>(4, 0xffffffff);
  CHECK(text_of(format_of(kName), payload) == "name=<bad offset>");
  CHECK(text_of(format_of(kRelative), payload) == "name=<bad offset>");
  payload.put<uint32_t>(4, 0x0000ffff);
  CHECK(text_of(format_of(kName), payload) == "name=");
}

TEST_CASE("fields past the end of a short payload are called truncated") {
  const EventFormat format = format_of(
      "field:int a; offset:4; size:4; signed:1;\n"
      "field:int b; offset:8; size:4; signed:1;\n"
      "field:__data_loc char[] c; offset:12; size:4; signed:1;\n"
      "field:char rest[]; offset:16; size:0; signed:1;\n");
  Payload payload;
  payload.put<int32_t>(4, 3).put<uint16_t>(8, 1);
  CHECK(text_of(format, payload) == "a=3 b=<truncated> c=<truncated> rest=<truncated>");
  CHECK(text_of(format, Payload{}) == "a=<truncated> b=<truncated> c=<truncated> rest=<truncated>");
}

TEST_CASE("a field of size 0 takes the rest of the payload") {
  Payload payload;
  payload.text(4, "hello").put<char>(9, 0).put<char>(10, 'x');
  CHECK(text_of(format_of("field:char buf[]; offset:4; size:0; signed:0;"), payload) ==
        "buf=hello");
  const EventFormat words = format_of("field:u32 buf[]; offset:4; size:0; signed:0;");
  CHECK(field_bytes(*words.find("buf"), payload.bytes).size == 7);
  payload.bytes.resize(4);
  CHECK(text_of(words, payload) == "buf={}");
}

TEST_CASE("control characters in text cannot reach the terminal") {
  Payload payload;
  payload.text(4, "a\x1b[2J\n\xc3\xa9").put<char>(13, 0);
  CHECK(text_of(format_of("field:char comm[10]; offset:4; size:10; signed:0;"), payload) ==
        "comm=a\\x1b[2J\\x0a\xc3\xa9");
}

TEST_CASE("the located bytes are inside the payload") {
  const EventFormat format = format_of(kName);
  Payload payload;
  payload.put<uint32_t>(4, 4u << 16 | 8).text(8, "disk");
  const FieldBytes found = field_bytes(*format.find("name"), payload.bytes);
  CHECK(found.damage == FieldBytes::Damage::kNone);
  CHECK(found.data == payload.bytes.data() + 8);
  CHECK(found.size == 4);
}
