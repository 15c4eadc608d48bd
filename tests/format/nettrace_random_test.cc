#include <catch2/catch.hpp>
#include <map>
#include <random>

#include "support/exported.h"
#include "support/nettrace_reader.h"
#include "support/repeats.h"
#include "support/traced_machine.h"

using namespace oc;
using namespace oc::machine;

namespace {

using test::NettraceFile;
using Folded = std::map<std::string, uint64_t>;

/// Stacks with their weights, found as TraceEvent finds them: a process is known by its pid since it was told, an address
/// by the mappings that the process had then, a name by the symbols of these, wherever in the file they are.
class Folder {
 public:
  Folded fold(const NettraceFile& file) {
    for (const auto& event : file.events) take(file, event);
    Folded folded;
    for (const Sample& sample : samples_) {
      std::string line = sample.comm;
      for (auto at = sample.stack.rbegin(); at != sample.stack.rend(); ++at)
        line += ";" + name_of(*at);
      folded[line] += sample.weight;
    }
    return folded;
  }

 private:
  struct Mapping {
    uint64_t id = 0, start = 0, end = 0;
    std::string path;
  };
  struct Place {
    std::vector<Mapping> mappings;  ///< that have the address
    uint64_t address = 0;
  };
  struct Sample {
    std::string comm;
    std::vector<Place> stack;
    uint64_t weight = 0;
  };

  void take(const NettraceFile& file, const NettraceFile::Event& event) {
    const NettraceFile::Kind& kind = file.kind_of(event);
    const auto number = [&](const char* field) { return event.values.at(field).number; };
    auto& mappings = mappings_[file.thread_of(event).pid.value_or(UINT64_MAX)];
    if (kind.name == "ProcessCreate" || kind.name == "ExistingProcess") {
      mappings.clear();
    } else if (kind.name == "ProcessMapping") {
      mappings.push_back({number("Id"), number("StartAddress"), number("EndAddress"),
                          event.values.at("FileName").text});
    } else if (kind.name == "ProcessSymbol") {
      auto& symbols = symbols_[number("MappingId")];
      const bool is_free =
          symbols.empty() || symbols.rbegin()->second.first < number("StartAddress");
      CHECK(is_free);  // symbols of a mapping ascend and do not overlap
      symbols[number("StartAddress")] = {number("EndAddress"), event.values.at("Name").text};
    } else if (kind.provider == "Universal.Events") {
      Sample sample{file.thread_of(event).name, {}, number("Value")};
      for (const uint64_t address : event.stack) {
        Place place{{}, address};
        for (const Mapping& mapping : mappings) {
          if (address >= mapping.start && address < mapping.end) place.mappings.push_back(mapping);
        }
        sample.stack.push_back(place);
      }
      samples_.push_back(std::move(sample));
    }
  }

  std::string name_of(const Place& place) const {
    if (place.mappings.empty()) return "?";
    for (const Mapping& mapping : place.mappings) {
      CHECK(mapping.path == place.mappings.front().path);
      const auto symbols = symbols_.find(mapping.id);
      if (symbols == symbols_.end()) continue;
      auto at = symbols->second.upper_bound(place.address);
      if (at == symbols->second.begin()) continue;
      if ((--at)->second.first >= place.address) return at->second.second;
    }
    const std::string& path = place.mappings.front().path;
    return "[" + path.substr(path.rfind('/') + 1) + "]";
  }

  std::map<uint64_t, std::vector<Mapping>> mappings_;  ///< by pid
  std::map<uint64_t, std::map<uint64_t, std::pair<uint64_t, std::string>>>
      symbols_;  ///< by mapping, by start
  std::vector<Sample> samples_;
};

/// Processes that come, go and come again, run other programs, map modules over one another; functions of files, some
/// without a name, inlined ones and ones of no address; samples that are out of order.
void fill(test::TracedMachine& traced, std::mt19937& random, bool is_one_kind) {
  Machine& machine = traced.machine;
  const auto below = [&](uint32_t limit) { return static_cast<uint32_t>(random() % limit); };
  std::vector<process::ModuleId> modules;
  std::vector<uint32_t> frames;
  for (uint32_t m = 0; m < 5; ++m) {
    modules.push_back(traced.file("/lib/m" + std::to_string(m), {static_cast<uint8_t>(m + 1)}));
    for (uint32_t f = 0; f < 8; ++f) {
      const std::string name =
          f == 0 ? std::string() : "m" + std::to_string(m) + "f" + std::to_string(f / 2);
      frames.push_back(traced.frame_at(modules[m], f * 0x40 + 1, name, below(0x20), f % 3 == 1));
    }
  }
  for (uint32_t f = 0; f < 6; ++f) {
    const std::string outer = "outer" + std::to_string(f), inner = "inner" + std::to_string(f / 2);
    const OwnFrame lines[] = {{inner, "/bin/own", "a.h", 1, 0, false},
                              {outer, "/bin/own", "a.c", 2, 0, false}};
    frames.push_back(machine.places.add({lines + below(2), lines + 2}));
  }
  int64_t time = 0;
  for (uint32_t i = 0; i < 400; ++i) {
    time += 1 + below(20);
    const auto pid = static_cast<int32_t>(1 + below(6));
    const std::string comm = "p" + std::to_string(below(4));
    const uint32_t what = below(20);
    if (what == 0) machine.processes.fork(time, 0, pid, pid, 1 + int32_t(below(6)), comm);
    if (what == 1) machine.processes.exit(time, 0, pid, pid);
    if (what == 2) machine.processes.comm(time, 0, pid, pid, comm, true);
    if (what >= 3 && what < 7) {
      const uint64_t start = 0x10000 + below(4) * 0x100;
      traced.map(pid, modules[below(5)], start, start + 0x200, 0, time);
    }
    if (what < 7) continue;
    std::vector<uint32_t> stack;
    for (uint32_t depth = below(6); depth > 0; --depth)
      stack.push_back(frames[below(frames.size())]);
    machine::Sample sample;
    const ThreadId thread = machine.processes.thread(pid, pid);
    // Late, though not from before its process.
    const int64_t start = machine.processes.process(machine.processes.thread(thread).process).start;
    sample.time = std::max(start, time - int64_t(below(what == 7 ? 200 : 1)));
    sample.value = 1 + below(1000);
    sample.kind = machine.kind(is_one_kind || below(3) == 0 ? "cycles" : "faults");
    sample.context = machine.processes.context(thread, machine.texts.intern(comm));
    sample.stack = machine.add_stack(stack);
    sample.cpu = static_cast<uint16_t>(below(4));
    machine.add(sample);
  }
}

Folded collapsed(Machine& machine, const test::Wanted& wanted) {
  Folded folded;
  const std::string text = test::exported(machine, "collapsed", wanted);
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at), space = text.rfind(' ', end);
    folded[text.substr(at, space - at)] += std::stoull(text.substr(space + 1, end - space - 1));
    at = end + 1;
  }
  return folded;
}

}  // namespace

TEST_CASE("nettrace: random machines are read back with the same stacks") {
  for (int seed = 0; seed < test::repeats(60); ++seed) {
    std::mt19937 random(static_cast<uint32_t>(seed));
    test::TracedMachine traced;
    // Collapsed stacks add up no values of several kinds.
    test::Wanted wanted;
    wanted.values = seed % 2 == 0;
    fill(traced, random, wanted.values);
    const std::string bytes = test::exported(traced.machine, "nettrace", wanted);
    auto file = test::read_nettrace({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
    INFO("seed " << seed << ": " << (file ? std::string() : file.error().what));
    REQUIRE(file);
    const Folded ours = collapsed(traced.machine, wanted), theirs = Folder().fold(*file);
    for (const auto& [line, weight] : ours) {
      INFO(line);
      const auto at = theirs.find(line);
      CHECK((at == theirs.end() ? 0 : at->second) == weight);
    }
    for (const auto& [line, weight] : theirs) {
      INFO("too much: " << line << " " << weight);
      CHECK(ours.count(line) == 1);
    }
  }
}
