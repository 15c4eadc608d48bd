#include <catch2/catch.hpp>
#include <chrono>
#include <string>

#include "event/event_format.h"
#include "support/corpus.h"

using oc::event::EventFormat;
using oc::event::Field;
using oc::event::FieldKind;
using oc::event::parse_format;

namespace {

/// A format text with the usual common fields around `fields`.
std::string text_of(const std::string& fields, const std::string& print_fmt = "\"\"") {
  return "name: probe\nID: 7\nformat:\n"
         "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
         "\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"
         "\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"
         "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n" +
         fields + "\nprint fmt: " + print_fmt + "\n";
}

EventFormat parse(const std::string& fields, const std::string& print_fmt = "\"\"",
                  const char* system = "test", uint32_t long_size = 8) {
  auto format = parse_format(text_of(fields, print_fmt), system, long_size);
  if (!format) FAIL(format.error().what);
  return *format;
}

/// The single field declared by `declaration`.
Field field_of(const std::string& declaration, uint32_t size, int is_signed = 0,
               uint32_t long_size = 8) {
  const EventFormat format =
      parse("\tfield:" + declaration + ";\toffset:8;\tsize:" + std::to_string(size) +
                ";\tsigned:" + std::to_string(is_signed) + ";\n",
            "\"\"", "test", long_size);
  REQUIRE(format.fields.size() == 5);
  return format.fields.back();
}

std::string error_of(const std::string& text) {
  const auto format = parse_format(text, "test");
  return format ? "parsed" : format.error().what;
}

}  // namespace

TEST_CASE("name, id, print fmt and common fields are read") {
  const EventFormat format = parse("\tfield:int cpu;\toffset:8;\tsize:4;\tsigned:1;\n", "\"%d\"");
  CHECK(format.system == "test");
  CHECK(format.name == "probe");
  CHECK(format.id == 7);
  CHECK(format.print_fmt == "\"%d\"");
  REQUIRE(format.fields.size() == 5);
  CHECK(format.fields[0].name == "common_type");
  CHECK(format.fields[0].is_common);
  CHECK_FALSE(format.fields[4].is_common);
  CHECK(format.find("cpu") == &format.fields[4]);
  CHECK(format.find("nobody") == nullptr);
  CHECK(format.fixed_size() == 12);
}

TEST_CASE("values are integers of the printed size and sign") {
  const Field state = field_of("long prev_state", 8, 1);
  CHECK(state.name == "prev_state");
  CHECK(state.type == "long");
  CHECK(state.kind == FieldKind::kInteger);
  CHECK(state.offset == 8);
  CHECK(state.size == 8);
  CHECK(state.element_size == 8);
  CHECK(state.count == 0);
  CHECK(state.is_signed);
  CHECK(field_of("enum skb_drop_reason reason", 4).kind == FieldKind::kInteger);
  CHECK(field_of("int fd", 8, 0).size == 8);
  CHECK_FALSE(field_of("int fd", 8, 0).is_signed);
  CHECK(field_of("bool success", 1).kind == FieldKind::kBool);
  CHECK(field_of("bool success", 1, 1).is_signed == false);
  CHECK(field_of("bool wide", 4).kind == FieldKind::kInteger);
  CHECK(field_of("double load", 8).kind == FieldKind::kFloat);
}

TEST_CASE("pointers of every spelling are addresses") {
  for (const char* declaration :
       {"const void * ptr", "void *ptr", "struct page * ptr", "const char *const ptr",
        "void __seg_gs * ptr", "struct iocb * * ptr", "void (*ptr)(int)",
        "const char __attribute__((btf_type_tag(\"user\"))) * ptr"}) {
    INFO(declaration);
    const Field field = field_of(declaration, 8, 1);
    CHECK(field.name == "ptr");
    CHECK(field.kind == FieldKind::kPointer);
    CHECK(field.is_hex);
    CHECK_FALSE(field.is_signed);
  }
  CHECK(field_of("const char * name", 4, 0, 4).size == 4);
}

TEST_CASE("arrays of numbers have a count and elements, arrays of char are text") {
  const Field args = field_of("unsigned long args[6]", 48);
  CHECK(args.name == "args");
  CHECK(args.type == "unsigned long");
  CHECK(args.kind == FieldKind::kArray);
  CHECK(args.count == 6);
  CHECK(args.element_size == 8);
  CHECK(args.size == 48);
  const Field comm = field_of("char comm[16]", 16);
  CHECK(comm.kind == FieldKind::kChars);
  CHECK(comm.type == "char");
  CHECK(comm.size == 16);
  CHECK(comm.element_size == 1);
  CHECK(comm.count == 0);
  CHECK(field_of("char comm[TASK_COMM_LEN]", 16).kind == FieldKind::kChars);
  const Field macro = field_of("unsigned int words[NR_WORDS]", 12);
  CHECK(macro.kind == FieldKind::kArray);
  CHECK(macro.count == 3);
  const Field address = field_of("__u8 saddr[16]", 16);
  CHECK(address.kind == FieldKind::kArray);
  CHECK(address.count == 16);
  CHECK(field_of("unsigned char mac[6]", 6).kind == FieldKind::kArray);
  const Field pointers = field_of("void * who[2]", 16);
  CHECK(pointers.kind == FieldKind::kArray);
  CHECK(pointers.is_hex);
  CHECK(field_of("long deltas[3]", 24, 1).is_signed);
}

TEST_CASE("structs by value and odd sizes are opaque") {
  CHECK(field_of("struct timespec when", 16).kind == FieldKind::kBytes);
  CHECK(field_of("struct small s", 8).kind == FieldKind::kBytes);
  CHECK(field_of("cpumask_t cpus", 8).kind == FieldKind::kBytes);
  CHECK(field_of("uuid_t id", 16).kind == FieldKind::kBytes);
  CHECK(field_of("struct pair pairs[2]", 16).kind == FieldKind::kBytes);
  CHECK(field_of("char lines[2][8]", 16).kind == FieldKind::kBytes);
  CHECK(field_of("u32 grid[2][3]", 24).count == 6);
}

TEST_CASE("a field of size 0 reaches to the end of the payload") {
  const Field buf = field_of("char buf[]", 0);
  CHECK(buf.kind == FieldKind::kChars);
  CHECK(buf.size == 0);
  const Field words = field_of("u32 words[]", 0);
  CHECK(words.kind == FieldKind::kArray);
  CHECK(words.count == 0);
  CHECK(words.element_size == 4);
  CHECK(field_of("char buf", 0).kind == FieldKind::kChars);
}

TEST_CASE("dynamic fields know their elements and what their offset counts from") {
  const Field name = field_of("__data_loc char[] name", 4, 1);
  CHECK(name.name == "name");
  CHECK(name.type == "__data_loc char[]");
  CHECK(name.kind == FieldKind::kDynamicChars);
  CHECK_FALSE(name.is_relative);
  CHECK_FALSE(name.is_signed);
  const Field relative = field_of("__rel_loc char[] name", 4);
  CHECK(relative.kind == FieldKind::kDynamicChars);
  CHECK(relative.is_relative);
  const Field longs = field_of("__data_loc unsigned long[] words", 4);
  CHECK(longs.kind == FieldKind::kDynamicArray);
  CHECK(longs.element_size == 8);
  CHECK(field_of("__data_loc unsigned long[] words", 4, 0, 4).element_size == 4);
  CHECK(field_of("__data_loc int[] values", 4, 1).is_signed);
  CHECK(field_of("__data_loc u8 * raw", 4).element_size == 1);
  CHECK(field_of("__data_loc unsigned char[] raw", 4).kind == FieldKind::kDynamicArray);
  CHECK(field_of("__data_loc cpumask_t cpus", 4).kind == FieldKind::kDynamicBytes);
  CHECK(field_of("__data_loc cpumask_t *[] cpus", 4).kind == FieldKind::kDynamicBytes);
  CHECK(field_of("__data_loc struct cqe[] cqes", 4).kind == FieldKind::kDynamicBytes);
  const Field pointers = field_of("__data_loc void *[] who", 4);
  CHECK(pointers.kind == FieldKind::kDynamicArray);
  CHECK(pointers.element_size == 8);
  CHECK(pointers.is_hex);
}

TEST_CASE("without signed: the type tells the sign") {
  const EventFormat format = parse(
      "\tfield:pid_t pid;\toffset:8;\tsize:4;\n"
      "\tfield:unsigned long long id;\toffset:16;\tsize:8;\n"
      "\tfield:s64 delta;\toffset:24;\tsize:8;\n"
      "\tfield:long left;\toffset:32;\tsize:8;\n"
      "\tfield:signed char level;\toffset:40;\tsize:1;\n"
      "\tfield special:char buf;\toffset:44;\tsize:0;\n");
  CHECK(format.find("pid")->is_signed);
  CHECK_FALSE(format.find("id")->is_signed);
  CHECK(format.find("delta")->is_signed);
  CHECK(format.find("left")->is_signed);
  CHECK(format.find("level")->is_signed);
  CHECK(format.find("buf")->kind == FieldKind::kChars);
}

TEST_CASE("white space and line ends do not matter") {
  const auto format = parse_format(
      "name: x\r\nID: 3\r\nformat:\r\n  field:  u64   a ; offset: 8 ;size:8;signed:0;\r\n"
      "field:u32 b;offset:16;size:4;signed:0;",
      "test");
  REQUIRE(format);
  CHECK(format->name == "x");
  CHECK(format->find("a")->offset == 8);
  CHECK(format->find("b")->offset == 16);
}

TEST_CASE("a bad text is an error that names its line") {
  CHECK_THAT(error_of(""), Catch::Contains("name:"));
  CHECK_THAT(error_of("name: x\nformat:\n"), Catch::Contains("ID:"));
  CHECK_THAT(error_of("name: x\nID: 99999999999999999999\n"),
             Catch::Contains("test:x, line 2: the ID is not a number"));
  CHECK_THAT(error_of(text_of("\tfield:int a;\tsize:4;\n")),
             Catch::Contains("line 9: a field without a readable offset"));
  CHECK_THAT(error_of(text_of("\tfield:int a;\toffset:8;\tsize:-4;\n")),
             Catch::Contains("line 9: a field without a readable size"));
  CHECK_THAT(error_of(text_of("\tfield:int a\n")), Catch::Contains("line 9"));
  CHECK_THAT(error_of(text_of("\tfield:int *;\toffset:8;\tsize:4;\n")),
             Catch::Contains("line 9: a field without a name"));
  CHECK_THAT(error_of(text_of("\tfield:;\toffset:8;\tsize:4;\n")), Catch::Contains("line 9"));
  CHECK_THAT(error_of(text_of("\tfield:]];\toffset:8;\tsize:4;\n")), Catch::Contains("line 9"));
  CHECK_THAT(error_of(text_of("\tfield:x(*;)\toffset:8;\tsize:4;\n")), Catch::Contains("line 9"));
}

TEST_CASE("fields that no payload can hold are left out with a reason") {
  const EventFormat format = parse(
      "\tfield:int far;\toffset:65534;\tsize:4;\tsigned:1;\n"
      "\tfield:char huge[4294967295];\toffset:4294967295;\tsize:4294967295;\tsigned:1;\n"
      "\tfield:__data_loc char[] odd;\toffset:8;\tsize:8;\tsigned:0;\n"
      "\tfield:int good;\toffset:8;\tsize:4;\tsigned:1;\n"
      "\tfield:int good;\toffset:12;\tsize:4;\tsigned:1;\n");
  CHECK(format.fields.size() == 5);
  REQUIRE(format.notes.size() == 4);
  CHECK(format.notes[0] == "line 9: field far is left out: it ends beyond 64 KiB");
  CHECK_THAT(format.notes[2], Catch::Contains("4 bytes, not 8"));
  CHECK_THAT(format.notes[3], Catch::Contains("one of that name already"));
  CHECK(format.find("good")->offset == 8);
}

TEST_CASE("all format files of the corpus are parsed") {
  const auto root = oc::test::corpus("tracefs");
  if (root.empty()) {
    WARN("skipped: no corpus folder tracefs (set OC_CORPUS)");
    return;
  }
  const auto paths = oc::test::format_files(root);
  CHECK(paths.size() > 300);
  for (const auto& path : paths) {
    INFO(path);
    const std::string system = path.parent_path().parent_path().filename();
    const uint32_t long_size = path.string().find("3.4.0") != std::string::npos ? 4 : 8;
    const std::string text = oc::test::read_text(path);
    if (text.empty()) continue;  // synthetic/events/trusty/format
    const auto format = parse_format(text, system, long_size);
    REQUIRE(format);
    CHECK(format->notes.empty());
    CHECK(format->fields.size() >= 4);
    CHECK(format->find("common_pid") != nullptr);
  }
}

TEST_CASE("a 32-bit kernel's kmalloc is read as its text says") {
  const auto root = oc::test::corpus("tracefs");
  if (root.empty()) {
    WARN("skipped: no corpus folder tracefs (set OC_CORPUS)");
    return;
  }
  const auto path = root / "android_hammerhead_MRA59G_3.4.0/events/kmem/kmalloc/format";
  const auto format = parse_format(oc::test::read_text(path), "kmem", 4);
  REQUIRE(format);
  CHECK(format->id == 141);
  CHECK(format->find("common_padding")->is_common);
  CHECK(format->find("call_site")->size == 4);
  CHECK(format->find("call_site")->is_hex);
  CHECK(format->find("ptr")->kind == FieldKind::kPointer);
  CHECK_FALSE(format->find("bytes_req")->is_hex);
  CHECK_FALSE(format->find("gfp_flags")->is_hex);
  CHECK(format->fixed_size() == 32);
}

TEST_CASE("all formats of the running kernel are parsed") {
  const auto paths = oc::test::format_files("/sys/kernel/tracing/events");
  if (paths.empty()) {
    WARN("skipped: /sys/kernel/tracing/events is not readable");
    return;
  }
  std::chrono::nanoseconds spent{};
  for (const auto& path : paths) {
    INFO(path);
    const std::string text = oc::test::read_text(path);
    if (text.empty()) continue;  // a probe that was removed meanwhile
    const auto before = std::chrono::steady_clock::now();
    const auto format = parse_format(text, path.parent_path().parent_path().filename().string());
    spent += std::chrono::steady_clock::now() - before;
    REQUIRE(format);
    CHECK(format->name == path.parent_path().filename());
    CHECK(format->notes.empty());
    uint32_t end = 0;
    for (const Field& field : format->fields) {
      INFO(field.name);
      CHECK(field.offset >= end);
      end = field.offset + field.size;
    }
  }
  WARN(paths.size() << " formats of this kernel, " << spent.count() / paths.size() << " ns each");
}
