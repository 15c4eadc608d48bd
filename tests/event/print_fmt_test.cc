#include "event/print_fmt.h"

#include <catch2/catch.hpp>
#include <string>

using oc::event::EventFormat;
using oc::event::Field;
using oc::event::FieldKind;

namespace {

/// Whether a field `f` of 8 (or `size`) bytes is an address when printed like this.
bool is_hex(const std::string& print_fmt, uint32_t size = 8, const char* system = "test",
            uint32_t long_size = 8, bool is_signed = false) {
  EventFormat format;
  format.system = system;
  format.print_fmt = print_fmt;
  Field field;
  field.name = "f";
  field.type = "unsigned long";
  field.size = field.element_size = size;
  field.is_signed = is_signed;
  format.fields.push_back(field);
  field.name = "other";
  format.fields.push_back(field);
  oc::event::apply_print_fmt(format, long_size);
  CHECK_FALSE(format.fields[1].is_hex);
  return format.fields[0].is_hex;
}

}  // namespace

TEST_CASE("%p and long hex make an integer an address") {
  CHECK(is_hex("\"at %p\", REC->f"));
  CHECK(is_hex("\"at %px\", REC->f"));
  CHECK(is_hex("\"at %pS\", (void *)REC->f"));
  CHECK(is_hex("\"%ps/%d\", (void *) REC->f, REC->other"));
  CHECK(is_hex("\"%lx\", REC->f"));
  CHECK(is_hex("\"0x%016lx,\", REC->f"));
  CHECK(is_hex("\"%#llx\", REC->f"));
  CHECK(is_hex("\"0x%Lx\", REC->f"));
  CHECK(is_hex("\"%d%% of \" \"0x%llx\", REC->other, (unsigned long long)(REC->f)"));
  CHECK(is_hex("\"%*.*s %lx\", 3, 4, REC->other, REC->f"));
  CHECK(
      is_hex("\"%s %lx\", __print_symbolic(REC->other, { 1, \"a,(\" }, { 2, \")\" }), ((REC->f))"));
}

TEST_CASE("an array is an array of addresses when its elements are printed so") {
  CHECK(is_hex("\"NR %ld (%lx, %lx)\", REC->other, REC->f[0], REC->f[1]"));
}

TEST_CASE("whatever is not surely an address stays a number") {
  CHECK_FALSE(is_hex("\"%x\", REC->f"));
  CHECK_FALSE(is_hex("\"%08x\", REC->f"));
  CHECK_FALSE(is_hex("\"%zx\", REC->f"));
  CHECK_FALSE(is_hex("\"%lu\", REC->f"));
  CHECK_FALSE(is_hex("\"%pU %pI4 %pM\", REC->f, REC->f, REC->f"));
  CHECK_FALSE(is_hex("\"%lx\", REC->f << 12"));
  CHECK_FALSE(is_hex("\"%lx\", REC->other ? REC->f : 0"));
  CHECK_FALSE(is_hex("\"%lx\", (REC->f) + (REC->f)"));
  CHECK_FALSE(is_hex("\"%lx\", -(REC->f)"));
  CHECK_FALSE(is_hex("\"%s\", __print_flags(REC->f, \"%lx\", { 1, \"%lx\" })"));
  CHECK_FALSE(is_hex("\"%lu (%lx)\", REC->f, REC->f"));
  CHECK_FALSE(is_hex("\"%lx\", REC->f", 4));
  CHECK_FALSE(is_hex("\"%llx\", REC->f", 4, "test", 4));
  CHECK(is_hex("\"%lx\", REC->f", 4, "test", 4));
  CHECK_FALSE(is_hex("\"%llx\", REC->f", 8, "test", 8, true));
  CHECK(is_hex("\"%p\", REC->f", 8, "test", 8, true));
}

TEST_CASE("system calls print everything as %08lx, so it says nothing") {
  CHECK_FALSE(is_hex("\"fd: 0x%08lx\", ((unsigned long)(REC->f))", 8, "syscalls"));
  CHECK(is_hex("\"fd: 0x%08lx\", ((unsigned long)(REC->f))", 8, "other"));
}

TEST_CASE("damaged print formats are harmless") {
  for (const char* text :
       {"", "\"", "\"%", "\"%\"", "\"%l\", (", "\"%lx\"", "\"%lx\", ", "REC->f", "\"%lx\", REC->",
        "\"%lx\", ((((", "\"%lx\", '", "\"\\", "\"%lx\", )))REC->f", "\"%lx\", ()", "\"%p",
        "\"%lx\", REC->f]", "\"%lx\", REC->f[", "\"%-*"}) {
    INFO(text);
    CHECK_FALSE(is_hex(text));
  }
}

TEST_CASE("bitmasks and socket addresses are opaque") {
  EventFormat format;
  format.print_fmt = "\"%s %s\", __get_bitmask(mask), __get_sockaddr(addr)";
  for (const char* name : {"mask", "addr", "rest"}) {
    Field field;
    field.name = name;
    field.kind = FieldKind::kDynamicArray;
    field.element_size = 8;
    format.fields.push_back(field);
  }
  oc::event::apply_print_fmt(format, 8);
  CHECK(format.fields[0].kind == FieldKind::kDynamicBytes);
  CHECK(format.fields[1].kind == FieldKind::kDynamicBytes);
  CHECK(format.fields[2].kind == FieldKind::kDynamicArray);
}
