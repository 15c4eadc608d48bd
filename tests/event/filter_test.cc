// Filters: what parses, what fits an event, what the kernel is asked for.

#include "event/filter.h"

#include <catch2/catch.hpp>

#include <string>

#include "event/filter_kernel.h"
#include "event/filter_syntax.h"
#include "event/print_symbols.h"
#include "event/text_glob.h"

using namespace oc::event;
using oc::base::Code;
using Op = FilterNode::Op;

namespace {

constexpr const char* kFormat = R"(name: probe
ID: 7
format:
	field:unsigned short common_type;	offset:0;	size:2;	signed:0;
	field:int common_pid;	offset:4;	size:4;	signed:1;

	field:signed char tiny;	offset:8;	size:1;	signed:1;
	field:u8 byte;	offset:9;	size:1;	signed:0;
	field:u16 word;	offset:10;	size:2;	signed:0;
	field:int number;	offset:12;	size:4;	signed:1;
	field:long id;	offset:16;	size:8;	signed:1;
	field:u64 big;	offset:24;	size:8;	signed:0;
	field:void * where;	offset:32;	size:8;	signed:0;
	field:char name[16];	offset:40;	size:16;	signed:0;
	field:__data_loc char[] path;	offset:56;	size:4;	signed:0;
	field:bool flag;	offset:60;	size:1;	signed:0;
	field:const char * text;	offset:64;	size:8;	signed:0;
	field:unsigned long args[2];	offset:72;	size:16;	signed:0;
	field:unsigned int vec;	offset:88;	size:4;	signed:0;
	field:pid_t pid;	offset:92;	size:4;	signed:1;
	field:double ratio;	offset:96;	size:8;	signed:1;
	field:__data_loc char[] file;	offset:104;	size:4;	signed:0;

print fmt: "vec=%u %s [action=%s]", REC->vec, __get_str(file), __print_symbolic(REC->vec, { 0, "HI" }, { 1, "TIMER" }, { (1 << 3), "NET" }, { -1, "NONE" }, { NAME, "LOST" })
)";

const EventFormat& format() {
  static const EventFormat parsed = *parse_format(kFormat, "test");
  return parsed;
}

const SampleLayout& layout() {
  static const SampleLayout made = [] {
    perf_event_attr attr{};
    attr.sample_type = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TID |
                       PERF_SAMPLE_TIME | PERF_SAMPLE_CPU | PERF_SAMPLE_PERIOD | PERF_SAMPLE_RAW;
    return make_layout(attr);
  }();
  return made;
}

oc::base::Result<Filter> make(const std::string& text) {
  const auto syntax = parse_filter(text);
  if (!syntax) return syntax.error();
  FilterScope scope;
  scope.event = "test:probe";
  scope.format = &format();
  scope.layout = &layout();
  scope.aliases = {{"next_tid", FilterField::Type::kInteger, "number"},
                   {"other", FilterField::Type::kBool, ""}};
  return check_filter(*syntax, text, scope);
}

const Filter& kept(const std::string& text) {
  static Filter filter;
  auto made = make(text);
  INFO(text << ": " << (made ? "" : made.error().what));
  REQUIRE(made);
  filter = std::move(*made);
  return filter;
}

std::string problem(const std::string& text) {
  const auto made = make(text);
  INFO(text);
  REQUIRE_FALSE(made);
  return made.error().what;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

KernelFilter kernel(const std::string& text, bool tids_are_global = true) {
  return make_kernel_filter(kept(text), format(), tids_are_global);
}

}  // namespace

TEST_CASE("a comparison keeps its field, its operator and its constant") {
  const Filter& filter = kept("number >= -5");
  REQUIRE(filter.nodes.size() == 1);
  const FilterNode& node = filter.nodes.front();
  CHECK(node.op == Op::kGreaterEqual);
  CHECK(node.field.size == 4);
  CHECK(node.field.is_signed);
  CHECK(static_cast<int64_t>(node.bits) == -5);
  CHECK(kept("0x10 == number").nodes.front().bits == 16);
  CHECK(kept("5 < number").nodes.front().op == Op::kGreater);
  CHECK(kept("1e3 == number").nodes.front().bits == 1000);
}

TEST_CASE("&& binds tighter than ||, ! tighter than both") {
  const Filter& filter = kept("number == 1 || number == 2 && !flag");
  REQUIRE(filter.nodes.size() == 5);
  CHECK(filter.nodes[0].op == Op::kOr);
  CHECK(filter.nodes[2].op == Op::kAnd);
  CHECK(filter.nodes[4].bits == 0);
  CHECK(kept("!(number == 1 || number < 2)").nodes[0].op == Op::kAnd);
  CHECK(kept("!(number == 1 || number < 2)").nodes[2].op == Op::kGreaterEqual);
}

TEST_CASE("constants that a field cannot have are decided as mathematics says") {
  CHECK(kept("big == -1").is_never());
  CHECK(kept("big > -1").is_always());
  CHECK(kept("big != -1").is_always());
  CHECK(kept("big <= 18446744073709551615").nodes.front().bits == UINT64_MAX);
  CHECK(kept("id < 9223372036854775808").is_always());
  CHECK(kept("id >= 9223372036854775808").is_never());
  CHECK_FALSE(kept("id == -9223372036854775808").is_never());
  CHECK(kept("tiny == 128").is_never());
  CHECK_FALSE(kept("tiny == -128").is_never());
  CHECK(kept("byte < 256").is_always());
  CHECK(kept("number < -2147483649").is_never());
  CHECK(kept("!(byte < 256)").is_never());
  CHECK(kept("byte < 256 && number == 1").nodes.size() == 1);
  CHECK(kept("number in (5..1)").nodes.size() == 3);  // holds for none, which nobody needs to see
  CHECK(kept("byte in (300..400)").is_never());
  CHECK(kept("byte in (200..400)").nodes.size() == 1);
}

TEST_CASE("text that a field cannot hold, or always does, is decided") {
  CHECK(kept("name == '0123456789abcdefg'").is_never());
  CHECK(kept("name != '0123456789abcdefg'").is_always());
  CHECK(kept("name contains ''").is_always());
  CHECK(kept("name == 'a\\x00b'").is_never());
  CHECK(kept("name =~ '*'").is_always());
  CHECK(kept("name =~ 'ab*'").nodes.front().op == Op::kStartsWith);
  CHECK(kept("name =~ '*ab'").nodes.front().op == Op::kEndsWith);
  CHECK(kept("name =~ '*ab*'").nodes.front().op == Op::kContains);
  CHECK(kept("name =~ 'ab'").nodes.front().op == Op::kTextEqual);
  CHECK(kept("name =~ 'a?b'").nodes.front().op == Op::kGlob);
  CHECK(kept("name =~ 'a\\*'").nodes.front().op == Op::kGlob);
  CHECK(kept("name == 'a\\*'").nodes.front().text == "a*");
}

TEST_CASE("names mean what they mean in scripts") {
  CHECK(kept("pid == 1").nodes.front().field.place == FilterField::Place::kCommon);
  CHECK(kept("args.pid == 1").nodes.front().field.place == FilterField::Place::kPayload);
  CHECK(kept("ip == 1").nodes.front().field.place == FilterField::Place::kRecord);
  CHECK(kept("next_tid == 1").nodes.front().field.place == FilterField::Place::kPayload);
  CHECK(kept("other").nodes.front().field.place == FilterField::Place::kAlias);
  CHECK(kept("time > 1.5ms").nodes.front().number == 1.5e6);
}

TEST_CASE("tests of the event are decided, and make up for fields that it lacks") {
  CHECK(kept("event == 'test:probe'").is_always());
  CHECK(kept("event =~ 'other:*'").is_never());
  CHECK(kept("event != 'test:probe' && no_such == 5").is_never());
  CHECK(kept("no_such == 5 || event =~ 'test:*'").is_always());
  CHECK(has(problem("event == 'test:probe' && no_such == 5"), "no field 'no_such'"));
  CHECK(make("no_such == 1").error().code == Code::kNotFound);
  CHECK(make("addr == 1").error().code == Code::kNotFound);
}

TEST_CASE("names of values are those of print fmt") {
  CHECK(kept("vec == 'TIMER'").nodes.front().bits == 1);
  CHECK(kept("vec in ('HI', 'NET')").nodes.back().bits == 8);
  CHECK(kept("vec == 'NONE'").is_never());  // -1, and the field is unsigned
  CHECK(has(problem("vec == 'TIMR'"), "did you mean TIMER?"));
  CHECK(has(problem("vec == 'LOST'"), "no value 'LOST'"));
  CHECK(has(problem("number == 'R'"), "is a number"));
  CHECK(print_symbols("\"%s\", __print_symbolic(REC->a & 3, { 1, \"X\" })", "a").empty());
  CHECK(print_symbols("\"%s\", __print_flags(REC->a, { 1, \"X\" })", "a").empty());
  CHECK(print_symbols("\"\", __print_symbolic(REC->a, { 1, \"X", "a").empty());
}

TEST_CASE("errors quote the filter, point at the place and say what to do") {
  CHECK(problem("numbr == 5") ==
        "filter: event 'test:probe' has no field 'numbr'\n     | numbr == 5\n     | ^ did you mean "
        "number?");
  CHECK(has(problem("number == 1 and flag"), "     |             ^ write &&"));
  CHECK(has(problem("number = 1"), "equal is =="));
  CHECK(has(problem("number & 1"), "bits cannot be tested"));
  CHECK(has(problem("number == 010"), "octal"));
  CHECK(has(problem("number == 5x"), "'5x' is not a number"));
  CHECK(has(problem("number == 18446744073709551616"), "64 bits"));
  CHECK(has(problem("number == -9223372036854775809"), "64 bits"));
  CHECK(has(problem("number == 1.5"), "is an integer"));
  CHECK(has(problem("number == id"), "two fields cannot be compared"));
  CHECK(has(problem("number"), "alone says nothing"));
  CHECK(has(problem("number =~ '5*'"), "is no text"));
  CHECK(has(problem("name == 5"), "text is quoted"));
  CHECK(has(problem("name < 'a'"), "no order"));
  CHECK(has(problem("name == 'a"), "has no end"));
  CHECK(has(problem("name == 'a\\q'"), "escape"));
  CHECK(has(problem("args == 5"), "is an array"));
  CHECK(has(problem("flag > true"), "true or false"));
  CHECK(has(problem("stack == 5"), "cannot be tested"));
  CHECK(has(problem("(number == 1"), "not closed"));
  CHECK(has(problem("number == 1)"), "no ( for it"));
  CHECK(has(problem("number in 5"), "list"));
  CHECK(has(problem("number in (1,)"), "value should stand here"));
  CHECK(has(problem("name startswith 'a'"), "did you mean starts_with"));
  CHECK(has(problem(""), "empty"));
  CHECK(has(problem("number == 1 &&"), "ends where"));
  CHECK(has(problem("name == '\n' && $"), "no such sign"));
}

TEST_CASE("texts without end, depth and many tests are refused") {
  CHECK(has(problem(std::string(20000, 'a')), "longer"));
  CHECK(has(problem(std::string(1000, '(') + "flag" + std::string(1000, ')')), "too deeply"));
  CHECK(has(problem(std::string(1000, '!') + "flag"), "too deeply"));
  std::string list = "number in (0";
  for (int i = 0; i < 2000; ++i) list += ",1";
  CHECK(has(problem(list + ")"), "too many tests"));
  CHECK(kept(std::string(60, '(') + "flag" + std::string(60, ')')).nodes.size() == 1);
}

TEST_CASE("the kernel is asked for what it tests as we do") {
  CHECK(kernel("number == 5").text == "number == 5");
  CHECK(kernel("number == 5").is_exact);
  CHECK(kernel("big > 0xffffffffffffffff").text == "big > 18446744073709551615");
  CHECK(kernel("tiny <= -3").text == "tiny <= -3");
  CHECK(kernel("where == 0xffff888000000000").text == "where == 18446612682070032384");
  CHECK(kernel("id in (1, 5..9)").text == "(id == 1 || (id >= 5 && id <= 9))");
  CHECK(kernel("name == 'a b'").text == "name == \"a b\"");
  CHECK(kernel("!(name == 'x')").text == "name != \"x\"");
  CHECK(kernel("name =~ 'ab*'").text == "name ~ \"ab*\"");
  CHECK(kernel("file != '/bin/sh'").is_exact);
  CHECK(kernel("file starts_with '/bin'").text == "file ~ \"/bin*\"");
  CHECK(kernel("!flag").text == "flag == 0");
  CHECK(kernel("cpu < 2").text == "CPU < 2");
  CHECK(kernel("comm == 'rcu_tasks_kthr'").text == "COMM == \"rcu_tasks_kthr\"");
  CHECK(kernel("comm == 'nginx'").text == "COMM == \"nginx\"");
  CHECK(kernel("common_pid == 7").is_exact);
  CHECK(kernel("args.pid == 1 && vec == 'NET'").text == "(pid == 1 && vec == 8)");
}

TEST_CASE("the kernel is asked for more where it tests otherwise") {
  for (const char* text : {"pid == 1",
                           "time > 5",
                           "ip == 1",
                           "name ends_with 'x'",
                           "!(name contains 'x')",
                           "path != 'x'",
                           "text == 5",
                           "comm == 'kworker/0:1'",
                           "comm == 'swapper'",
                           "comm =~ 'k*'",
                           "comm != ':5'",
                           "name == 'a\"b'",
                           "other",
                           "tid != 5",
                           "ratio > 1",
                           "name == ''",
                           "number == 1 || pid == 1",
                           "comm contains 'x'",
                           "comm == 'rcu_tasks_kthread'",
                           "comm == 'rcu_tasks_kthre'",
                           "comm != 'rcu_tasks_kthre'",
                           "comm =~ 'rcu_tasks_kthre*'",
                           "comm starts_with 'rcu_tasks_kthrea'"}) {
    INFO(text);
    CHECK(kernel(text).text.empty());
    CHECK_FALSE(kernel(text).is_exact);
    CHECK(kernel(text).rest.size() == 1);
  }
  const KernelFilter partly = kernel("number == 1 && pid == 1 && name contains 'x'");
  CHECK(partly.text == "(number == 1 && name ~ \"*x*\")");
  CHECK_FALSE(partly.is_exact);
  REQUIRE(partly.rest.size() == 2);
  CHECK(partly.rest[0].begin == 15);
  CHECK(kernel("tid == 5").text == "common_pid == 5");
  CHECK_FALSE(kernel("tid == 5").is_exact);
  CHECK(kernel("tid == 5", false).text.empty());
  CHECK(kernel("path == 'x'").text == "path == \"x\"");
  CHECK_FALSE(kernel("path == 'x'").is_exact);
  CHECK(kernel("name =~ 'ab?c*'").text == "name ~ \"ab*\"");
  CHECK(kernel("comm != 'nginx'").text == "COMM != \"nginx\"");
}

TEST_CASE("globs match whole texts") {
  CHECK(glob_text("a*c", "abbc"));
  CHECK_FALSE(glob_text("a*c", "abbcd"));
  CHECK(glob_text("*a*a*b", "aaaaaaaaab"));
  CHECK(glob_text("[a-c]?", "bx"));
  CHECK_FALSE(glob_text("[!a-c]?", "bx"));
  CHECK(glob_text("[]x]", "]"));
  CHECK(glob_text("a[b", "a[b"));
  CHECK(glob_text("a\\*", "a*"));
  CHECK_FALSE(glob_text("a\\*", "ab"));
  CHECK(glob_text("", ""));
  CHECK_FALSE(glob_text("", "a"));
  CHECK(glob_text("[\x80-\xff]", "\x90"));
}
