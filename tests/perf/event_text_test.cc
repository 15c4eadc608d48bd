#include "perf/event_text.h"

#include <catch2/catch.hpp>

using namespace oc::perf;
using Catch::Matchers::Contains;

namespace {

std::vector<EventText> parse(const std::string& text) {
  auto events = parse_event_list(text);
  if (!events) FAIL(text << ": " << events.error().what);
  return std::move(*events);
}

std::string problem(const std::string& text) {
  const auto events = parse_event_list(text);
  if (events) FAIL(text << " was taken");
  CHECK(events.error().code == oc::base::Code::kUsage);
  return events.error().what + " / " + events.error().hint;
}

}  // namespace

TEST_CASE("a list is taken apart at commas outside of groups and terms") {
  const auto events =
      parse("cycles:u, {cpu-clock,page-faults:k}:S,cpu/event=0x3c,umask=0x1/pp,sched:*");
  REQUIRE(events.size() == 5);
  CHECK(events[0].name == "cycles");
  CHECK(events[0].group == 0);
  CHECK(events[1].group == 1);
  CHECK(events[2].group == 1);
  CHECK(events[2].modifiers.letters == "kS");
  CHECK(events[3].name == "cpu");
  REQUIRE(events[3].terms.size() == 2);
  CHECK(events[3].terms[1].name == "umask");
  CHECK(events[3].terms[1].value == "0x1");
  CHECK(events[3].modifiers.precise == 2);
  CHECK(events[4].name == "sched:*");
}

TEST_CASE("u, k and h name the parts that count, as in perf") {
  const auto u = parse("cycles:u")[0].modifiers;
  CHECK(!u.exclude_user);
  CHECK(u.exclude_kernel);
  CHECK(u.exclude_hv);
  const auto both = parse("cycles:ukh")[0].modifiers;
  CHECK(!both.names_ring());
  const auto guest = parse("cycles:G")[0].modifiers;
  CHECK(guest.exclude_host);
  CHECK(!guest.exclude_guest);
  CHECK(parse("cycles:ppp")[0].modifiers.precise == 3);
  CHECK(parse("cycles:P")[0].modifiers.precise_max);
  CHECK(parse("cycles:D")[0].modifiers.pinned);
  CHECK(parse("cycles:e")[0].modifiers.exclusive);
  CHECK(parse("{a,b}:W")[1].modifiers.weak);
}

TEST_CASE("a tracepoint's name is not taken for modifiers unless these follow") {
  CHECK(parse("sched:sched_switch")[0].name == "sched:sched_switch");
  const auto with = parse("sched:sched_switch:u")[0];
  CHECK(with.name == "sched:sched_switch");
  CHECK(with.modifiers.exclude_kernel);
}

TEST_CASE("breakpoints have an address, a length, an access and modifiers") {
  const auto event = parse("mem:0x1000/8:rw:u,mem:4096")[0];
  CHECK(event.is_breakpoint);
  CHECK(event.bp_addr == 0x1000);
  CHECK(event.bp_len == 8);
  CHECK(event.bp_access == "rw");
  CHECK(event.modifiers.exclude_kernel);
  CHECK(parse("mem:0x1000/8:rw:u,mem:4096")[1].bp_addr == 4096);
  CHECK(parse("{mem:0x10/4:w,cpu-clock}")[0].bp_len == 4);
}

TEST_CASE("what cannot be read is told, with the part that is wrong") {
  CHECK_THAT(problem("cycles/freq=1/q"), Contains("'q' is no modifier"));
  CHECK_THAT(problem("sched:sched_switch:z"), Contains("'z' is no modifier"));
  CHECK_THAT(problem("cycles:pppp"), Contains("more than three p"));
  CHECK_THAT(problem("cycles:De"), Contains("pinned"));
  CHECK_THAT(problem("cycles,,instructions"), Contains("without a name"));
  CHECK_THAT(problem(""), Contains("without a name"));
  CHECK_THAT(problem("{cycles"), Contains("'}'"));
  CHECK_THAT(problem("{a,{b,c}}"), Contains("is in a group"));
  CHECK_THAT(problem("cpu/event=1"), Contains("one slash"));
  CHECK_THAT(problem("cpu/event=/"), Contains("no term"));
  CHECK_THAT(problem("mem:xyz"), Contains("'xyz' is no number"));
  CHECK_THAT(problem("mem:0x10/3"), Contains("1, 2, 4 or 8"));
  CHECK_THAT(problem("mem:0x10:rr"), Contains("twice"));
  CHECK_THAT(problem("mem:0x10000000000000000"), Contains("64 bits"));
  CHECK_THAT(problem("cpu clock"), Contains("name"));
  CHECK_THAT(problem("a\x1b[2J"), Contains("\\x1b"));
  CHECK_THAT(problem(std::string(70000, 'a')), Contains("64 KiB"));
  CHECK_THAT(problem("cycles:"), Contains("behind the last ':'"));
}
