#include "support/export_worlds.h"

#include <array>
#include <string>
#include <vector>

#include "support/sample_maker.h"

namespace oc::test {

namespace {

using machine::Machine;
using machine::StackRef;

constexpr std::string_view kLibc = "/usr/lib/x86_64-linux-gnu/libc.so.6";

uint32_t place(Machine& machine, std::initializer_list<machine::OwnFrame> functions) {
  return machine.places.add({functions.begin(), functions.size()});
}

/// main → serve → parse (next inlined into it) → malloc
StackRef inlined_stack(Machine& machine) {
  const std::vector<uint32_t> frames{
      place(machine, {{"malloc", kLibc, "", 0, 0x9a100, false}}),
      place(machine, {{"next", "/srv/web", "/src/token.cc", 12, 0x1234, false},
                      {"parse", "/srv/web", "/src/parse.cc", 40, 0x1234, false}}),
      place(machine, {{"serve", "/srv/web", "/src/serve.cc", 7, 0x1100, false}}),
      place(machine, {{"main", "/srv/web", "/src/main.cc", 3, 0x1000, false}})};
  return machine.add_stack(frames);
}

machine::ContextId context(Machine& machine, int32_t pid, int32_t tid, std::string_view comm) {
  return machine.processes.context(machine.processes.thread(pid, tid), machine.texts.intern(comm));
}

void add_span(Machine& machine, std::string_view name, int64_t start, int64_t end, int32_t tid,
              machine::SpanId parent = {}) {
  machine::Span span;
  span.start = start;
  span.end = end;
  span.kind = machine.kind("request", machine::ValueType::kDuration);
  span.name = machine.texts.intern(name);
  span.context = context(machine, 100, tid, "web");
  span.parent = parent;
  span.cpu = 1;
  const machine::Attribute path{machine.texts.intern("path"), machine.texts.intern("/index.html"),
                                0, true};
  span.attributes = machine.attributes.intern({&path, 1});
  machine.spans.add(span);
}

void add_facts(Machine& machine) {
  machine.facts.host = {
      {"host", "unit"}, {"kernel", "6.1.0"}, {"arch", "x86_64"}, {"command", "web --port 80"}};
  machine.facts.name = "web.data";
  machine.facts.start_ns = 1'000'000'000;
  machine.facts.wall_offset = 1'700'000'000'000'000'000;
  machine.facts.end = 40'000'000;
  machine.facts.losses.push_back({2, machine.texts.intern("cycles"), 17});
}

}  // namespace

void fill_web(Machine& machine) {
  SampleMaker maker(machine);
  const StackRef read =
      maker.stack({"main@/srv/web", "serve@/srv/web", "read@/usr/lib/libc.so.6", "[k]vfs_read"});
  const StackRef copy = maker.stack({"main@/srv/web", "serve@/srv/web", "copy@/srv/web"});
  const StackRef compiled = maker.stack({"main@/srv/web", "interpret@/srv/web", "handler@//anon"});
  const StackRef unknown = maker.stack({"main@/srv/web", "@/opt/plugin.so"});
  const StackRef parse = inlined_stack(machine);
  machine.processes.found(0, 100, 100, "web");
  machine.processes.found(0, 200, 200, "db");
  for (int64_t i = 0; i < 40; ++i) {
    const std::array<StackRef, 5> stacks{read, parse, parse, copy, compiled};
    const bool is_db = i % 4 == 3;
    const auto at = static_cast<size_t>(i) % stacks.size();
    maker.add("cycles", i * 1'000'000, 1000, is_db ? 200 : 100, is_db ? 200 : 100 + int32_t(i % 2),
              is_db ? "db" : "web", is_db && i % 8 == 3 ? unknown : stacks[at], uint16_t(i % 3));
  }
  add_span(machine, "GET /index.html", 1'000'000, 9'000'000, 100);
  add_span(machine, "parse", 2'000'000, 4'000'000, 100, {1});
  add_span(machine, "across", 3'000'000, 12'000'000, 100);  // overlaps both, within neither
  add_facts(machine);
}

void fill_web_later(Machine& machine) {
  SampleMaker maker(machine);
  const StackRef read =
      maker.stack({"main@/srv/web", "serve@/srv/web", "read@/usr/lib/libc.so.6", "[k]vfs_read"});
  const StackRef hash = maker.stack({"main@/srv/web", "serve@/srv/web", "hash@/srv/web"});
  const StackRef parse = inlined_stack(machine);
  for (int64_t i = 0; i < 50; ++i) {
    const StackRef stack = i % 5 == 0 ? read : i % 5 == 1 ? hash : parse;
    maker.add("cycles", i * 1'000'000, 1000, 300, 300, "web", stack, uint16_t(i % 2));
  }
}

void fill_hostile(Machine& machine) {
  SampleMaker maker(machine);
  const std::string nul("a\0b", 3);
  const std::string bad = "bad \xff\xfe utf \xe2\x28 \xed\xa0\x80 \xef\xbf\xbf end";
  const std::string control = "tab\tnew\nline\r\x1b[31m\x01\x7f";
  const std::string markup = "</script></title><b a=\"1\" c='2'>&amp;{{x}};]]><!--";
  const std::string huge(65536, 'x');
  const std::string wide = "\xe6\xbc\xa2\xe5\xad\x97\xf0\x9f\x94\xa5 \"\\\\ \xe2\x80\xa8";
  int64_t time = 0;
  for (const std::string& name : {nul, bad, control, markup, huge, wide, std::string("a;b c 5")}) {
    const StackRef stack = maker.stack({"main", name, "leaf@" + markup});
    maker.add(markup, ++time * 1000, 1, 1, 1, name, stack);
    machine.facts.notes.push_back(name.substr(0, 300));
    add_span(machine, name, time * 1000, time * 1000 + 500, 1);
  }
  machine.facts.name = markup;
  machine.facts.host = {{markup, bad}};
  machine.facts.losses.push_back({-1, machine.texts.intern(markup), 3});
}

void fill_many(Machine& machine, uint32_t samples) {
  SampleMaker maker(machine);
  uint64_t seed = 42;  // xorshift64: the same on each machine
  const auto random = [&](uint32_t below) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return static_cast<uint32_t>((seed >> 33) % below);
  };
  std::vector<uint32_t> frames;
  for (uint32_t i = 0; i < 300; ++i) {
    const std::string name = "function_" + std::to_string(i),
                      module = "/usr/lib/lib" + std::to_string(i % 12) + ".so";
    machine::OwnFrame frame{name, module, "", 0, 0x1000 + i, false};
    if (i % 25 == 0) frame.module = "//anon";
    if (i >= 280) {
      frame.is_kernel = true;
      frame.module = "[kernel.kallsyms]";
    }
    frames.push_back(place(machine, {frame}));
  }
  std::vector<StackRef> stacks;
  for (uint32_t i = 0; i < 4000; ++i) {
    std::vector<uint32_t> stack;
    const uint32_t kernel = i % 6 == 0 ? 1 : 0;
    if (kernel != 0) stack.push_back(frames[280 + random(20)]);
    uint32_t at = random(7);
    std::vector<uint32_t> outer;
    for (uint32_t depth = 3 + random(20); depth > 0; --depth) {
      outer.push_back(frames[at]);
      at = (at * 3 + 1 + random(4)) % 280;
    }
    stack.insert(stack.end(), outer.rbegin(), outer.rend());
    stacks.push_back(machine.add_stack(stack, kernel));
  }
  for (uint32_t i = 0; i < samples; ++i) {
    const auto thread = static_cast<int32_t>(random(random(40) + 1));
    const uint32_t stack = random(random(4000) + 1);
    maker.add("cpu-clock", int64_t{10'000'000'000} / samples * i, 1'000'000,
              1000 + thread / 8 * 100, 1000 + thread / 8 * 100 + thread % 8,
              thread % 8 == 0 ? "server" : "worker", stacks[stack], uint16_t(random(4)));
  }
  machine::Kind& kind = machine.kind(machine.find_kind("cpu-clock"));
  kind.type = machine::ValueType::kDuration;
  add_facts(machine);
}

void fill_deep(Machine& machine) {
  SampleMaker maker(machine);
  std::vector<uint32_t> frames;
  for (uint32_t i = 0; i < 4000; ++i) {
    frames.push_back(
        place(machine, {{"level_" + std::to_string(i), "/bin/deep", "", 0, i + 1, false}}));
  }
  maker.add("cycles", 1, 50000, 1, 1, "deep", machine.add_stack(frames));
  for (uint32_t i = 0; i < 50000; ++i) {
    const std::array<uint32_t, 3> stack{frames[i % 4000], frames[i / 4000], frames[(i * 7) % 3989]};
    maker.add("cycles", 2 + i, 1, 1, 1, "deep", machine.add_stack(stack));
  }
}

namespace {

/// xorshift64*: the same on each machine.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15 + 1) {}
  uint32_t below(uint32_t limit) {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return static_cast<uint32_t>((state_ * 0x2545f4914f6cdd1d >> 33) % limit);
  }
  /// Any bytes, most often what some format has a meaning for.
  std::string name() {
    constexpr std::string_view kSpecial = "<>&;\"\\'\0\n\t ]]>--%{}\x80\xc3\xa9\xed\xa0\xff/(";
    std::string name;
    for (uint32_t i = below(12); i > 0; --i) {
      name += below(2) == 0 ? kSpecial[below(kSpecial.size())] : static_cast<char>(below(256));
    }
    return name;
  }

 private:
  uint64_t state_;
};

machine::AttributesId random_attributes(Machine& machine, Random& random) {
  std::vector<machine::Attribute> attributes;
  for (uint32_t i = random.below(3); i > 0; --i) {
    const bool is_text = random.below(2) == 0;
    attributes.push_back({machine.texts.intern(random.name()), machine.texts.intern(random.name()),
                          random.below(1000) / 7.0, is_text});
  }
  return machine.attributes.intern(attributes);
}

StackRef random_stack(Machine& machine, Random& random, std::vector<uint32_t>& frames) {
  while (frames.size() < 60) {
    const std::string inlined = random.name(), function = random.name(), module = random.name(),
                      file = random.name();
    const bool is_kernel = random.below(4) == 0;
    machine::OwnFrame outer{function,           module,   file, random.below(100),
                            random.below(5000), is_kernel};
    machine::OwnFrame inner{inlined, module, file, random.below(100), outer.address, is_kernel};
    frames.push_back(random.below(3) == 0 ? place(machine, {inner, outer})
                                          : place(machine, {outer}));
  }
  std::vector<uint32_t> stack;
  for (uint32_t i = random.below(9); i > 0; --i) stack.push_back(frames[random.below(60)]);
  return machine.add_stack(stack, random.below(static_cast<uint32_t>(stack.size()) + 1));
}

}  // namespace

void fill_random(Machine& machine, uint64_t seed) {
  Random random(seed);
  std::vector<uint32_t> frames;
  std::vector<machine::KindId> kinds;
  for (uint32_t i = 0; i < 5; ++i) {
    kinds.push_back(machine.kind(random.name(), static_cast<machine::ValueType>(i % 4)));
  }
  const auto any_context = [&]() -> machine::ContextId {
    if (random.below(10) == 0) return {};
    const auto pid = static_cast<int32_t>(random.below(5));
    return context(machine, pid, pid * 10 + static_cast<int32_t>(random.below(3)), random.name());
  };
  for (uint32_t i = 0; i < 400; ++i) {
    machine::Sample sample;
    sample.time = int64_t{random.below(2000000)} - 1000;
    sample.value = random.below(5) == 0 ? random.below(1000) / 8.0 - 20 : random.below(1000000);
    sample.kind = kinds[random.below(5)];
    sample.context = any_context();
    sample.stack = random_stack(machine, random, frames);
    sample.attributes = random_attributes(machine, random);
    sample.cpu = random.below(6) == 0 ? machine::kNoCpu : static_cast<uint16_t>(random.below(300));
    machine.add(sample);
  }
  for (uint32_t i = 0; i < 100; ++i) {
    machine::Span span;
    span.start = int64_t{random.below(2000000)} - 1000;
    span.end = span.start + random.below(400000);
    span.kind = kinds[random.below(5)];
    span.name = machine.texts.intern(random.name());
    span.context = any_context();
    span.parent = {random.below(i + 1)};
    span.stack = random_stack(machine, random, frames);
    span.attributes = random_attributes(machine, random);
    machine.spans.add(span);
  }
  machine.facts.notes = {random.name(), random.name()};
  machine.facts.host[random.name()] = random.name();
  machine.facts.losses.push_back(
      {static_cast<int32_t>(random.below(3)) - 1, machine.texts.intern(random.name()), 9});
}

bool fill(Machine& machine, std::string_view name) {
  if (name.starts_with("random:")) {
    return fill_random(machine, std::stoull(std::string(name.substr(7)))), true;
  }
  if (name == "empty") return true;
  if (name == "one") {
    SampleMaker maker(machine);
    maker.add("cycles", 5, 7, 1, 1, "one", maker.stack({"main", "work"}));
    return true;
  }
  if (name == "web") return fill_web(machine), true;
  if (name == "hostile") return fill_hostile(machine), true;
  if (name == "many") return fill_many(machine, 200'000), true;
  if (name == "deep") return fill_deep(machine), true;
  return false;
}

}  // namespace oc::test
