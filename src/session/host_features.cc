#include "session/host_features.h"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <filesystem>
#include <map>
#include <string_view>

#include "base/clock.h"
#include "source/tracing_data_writer.h"
#include "sys/cpus.h"
#include "sys/files.h"
#include "sys/tracefs.h"

namespace oc::session {

using source::FeatureSections;

namespace {

constexpr const char* kCpuFolder = "/sys/devices/system/cpu/cpu";
constexpr const char* kNodeFolder = "/sys/devices/system/node/";

uint64_t to_number(std::string_view text, int base = 10) {
  uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number, base);
  return number;
}

/// What stands behind `key`, blanks and ':' of a line "key   : value" or "key: value"; of the first such line.
std::string find_value(std::string_view text, std::string_view key) {
  size_t at = text.starts_with(key) ? 0 : text.find("\n" + std::string(key));
  if (at == std::string_view::npos) return {};
  text.remove_prefix(at);
  const size_t colon = text.find(':');
  std::string_view value = text.substr(colon + 1, text.find('\n', 1) - colon - 1);
  if (text.front() == '\n') value = text.substr(colon + 1, text.find('\n', colon) - colon - 1);
  while (value.starts_with(' ') || value.starts_with('\t')) value.remove_prefix(1);
  return std::string(value);
}

/// The program's file and its arguments.
std::vector<std::string> own_command_line() {
  std::vector<std::string> words;
  std::error_code problem;
  words.push_back(std::filesystem::read_symlink("/proc/self/exe", problem).string());
  const std::string text = sys::read_text("/proc/self/cmdline", 4 << 20);
  for (size_t at = text.find('\0') + 1; at < text.size();) {
    const size_t end = std::min(text.find('\0', at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

void add_names(FeatureSections& features, const std::string& version) {
  utsname names{};
  uname(&names);
  features.add_text(source::kHostFeature, names.nodename);
  features.add_text(source::kKernelFeature, names.release);
  features.add_text(source::kVersionFeature, version);
  features.add_text(source::kArchFeature, names.machine);
  features.add_texts(source::kCommandLineFeature, own_command_line());
}

void add_cpus(FeatureSections& features) {
  features.add_cpu_count(static_cast<uint32_t>(sysconf(_SC_NPROCESSORS_CONF)),
                         static_cast<uint32_t>(sysconf(_SC_NPROCESSORS_ONLN)));
  const std::string text = sys::read_text("/proc/cpuinfo", 64 << 10);
  std::string model = find_value(text, "model name");
  if (model.empty()) model = find_value(text, "Processor");
  model.erase(
      std::unique(model.begin(), model.end(), [](char a, char b) { return a == ' ' && b == ' '; }),
      model.end());
  if (!model.empty()) features.add_text(source::kCpuDescriptionFeature, model);
  const std::string vendor = find_value(text, "vendor_id");
  if (!vendor.empty()) {
    features.add_text(source::kCpuIdFeature,
                      fmt::format("{},{},{},{}", vendor, find_value(text, "cpu family"),
                                  find_value(text, "model\t"), find_value(text, "stepping")));
  }
  features.add_memory(to_number(find_value(sys::read_text("/proc/meminfo"), "MemTotal")));
}

void add_once(std::vector<std::string>& lists, std::string list) {
  if (!list.empty() && std::find(lists.begin(), lists.end(), list) == lists.end())
    lists.push_back(std::move(list));
}

void add_topology(FeatureSections& features) {
  source::CpuTopology topology;
  const auto count = static_cast<uint32_t>(sysconf(_SC_NPROCESSORS_CONF));
  for (uint32_t cpu = 0; cpu < count; ++cpu) {
    const std::string folder = fmt::format("{}{}/topology/", kCpuFolder, cpu);
    std::string package = sys::read_line(folder + "package_cpus_list");
    if (package.empty()) package = sys::read_line(folder + "core_siblings_list");
    add_once(topology.sockets, std::move(package));
    add_once(topology.dies, sys::read_line(folder + "die_cpus_list"));
    add_once(topology.threads, sys::read_line(folder + "thread_siblings_list"));
    const auto id = [&](const char* name) {
      return static_cast<uint32_t>(to_number(sys::read_line(folder + name)));
    };
    topology.places.push_back({id("core_id"), id("physical_package_id"), id("die_id")});
  }
  if (!topology.sockets.empty()) features.add_topology(topology);
}

void add_numa(FeatureSections& features) {
  const auto online = sys::parse_cpu_list(sys::read_line(std::string(kNodeFolder) + "online"));
  if (!online || online->empty()) return;
  std::vector<source::NumaNode> nodes;
  std::vector<source::MemoryNode> blocks;
  for (const int32_t number : *online) {
    const std::string folder = fmt::format("{}node{}/", kNodeFolder, number);
    const std::string memory = sys::read_text(folder + "meminfo");
    const auto kb = [&](std::string_view name) {
      const size_t at = memory.find(fmt::format("Node {} {}:", number, name));
      if (at == std::string::npos) return uint64_t{0};
      return to_number(
          std::string_view(memory).substr(memory.find_first_not_of(' ', memory.find(':', at) + 1)));
    };
    nodes.push_back({static_cast<uint32_t>(number), kb("MemTotal"), kb("MemFree"),
                     sys::read_line(folder + "cpulist")});
    source::MemoryNode node{static_cast<uint64_t>(number), {}};
    for (const std::string& name : sys::list_folder(folder)) {
      if (name.starts_with("memory") && name.size() > 6 && name[6] >= '0' && name[6] <= '9')
        node.blocks.push_back(static_cast<uint32_t>(to_number(std::string_view(name).substr(6))));
    }
    std::sort(node.blocks.begin(), node.blocks.end());
    if (!node.blocks.empty()) blocks.push_back(std::move(node));
  }
  features.add_numa(nodes);
  const uint64_t block =
      to_number(sys::read_line("/sys/devices/system/memory/block_size_bytes"), 16);
  if (block != 0 && !blocks.empty()) features.add_memory_map(block, blocks);
}

void add_pmus(FeatureSections& features) {
  const std::string folder = "/sys/bus/event_source/devices/";
  std::vector<std::pair<uint32_t, std::string>> pmus;
  for (const std::string& name : sys::list_folder(folder)) {
    const std::string type = sys::read_line(folder + name + "/type");
    if (!type.empty()) pmus.emplace_back(static_cast<uint32_t>(to_number(type)), name);
  }
  features.add_pmus(pmus);
}

/// Every cache once, by level and kind, in the order of the first CPU that has it.
void add_caches(FeatureSections& features) {
  std::vector<source::CacheLevel> levels;
  const auto count = static_cast<uint32_t>(sysconf(_SC_NPROCESSORS_CONF));
  for (uint32_t cpu = 0; cpu < count; ++cpu) {
    for (uint32_t index = 0; index < 10; ++index) {
      const std::string folder = fmt::format("{}{}/cache/index{}/", kCpuFolder, cpu, index);
      const std::string level = sys::read_line(folder + "level");
      if (level.empty()) break;
      const auto number = [&](const char* name) {
        return static_cast<uint32_t>(to_number(sys::read_line(folder + name)));
      };
      source::CacheLevel cache{static_cast<uint32_t>(to_number(level)),
                               number("coherency_line_size"),
                               number("number_of_sets"),
                               number("ways_of_associativity"),
                               sys::read_line(folder + "type"),
                               sys::read_line(folder + "size"),
                               sys::read_line(folder + "shared_cpu_list")};
      const bool is_known = std::any_of(levels.begin(), levels.end(), [&](const auto& other) {
        return other.level == cache.level && other.type == cache.type && other.cpus == cache.cpus;
      });
      if (!is_known) levels.push_back(std::move(cache));
    }
  }
  std::stable_sort(levels.begin(), levels.end(),
                   [](const auto& a, const auto& b) { return a.level < b.level; });
  if (!levels.empty()) features.add_caches(levels);
}

void add_clock(FeatureSections& features) {
  timespec resolution{};
  clock_getres(CLOCK_MONOTONIC, &resolution);
  const uint64_t before = base::now_of(CLOCK_MONOTONIC);
  const uint64_t wall = base::now_of(CLOCK_REALTIME);
  const uint64_t after = base::now_of(CLOCK_MONOTONIC);
  features.add_clock(CLOCK_MONOTONIC, static_cast<uint64_t>(resolution.tv_nsec), wall,
                     before + (after - before) / 2);
}

}  // namespace

FeatureSections load_host_features(const std::string& version) {
  FeatureSections features;
  add_names(features, version);
  add_cpus(features);
  add_topology(features);
  add_numa(features);
  add_pmus(features);
  add_caches(features);
  add_clock(features);
  features.add_none(source::kPmuCapsFeature);
  return features;
}

std::vector<uint8_t> load_tracing_data(const std::vector<perf::EventRequest>& events) {
  source::TracingTexts texts;
  const auto root = sys::find_tracefs();
  if (!root) return {};
  for (const perf::EventRequest& event : events) {
    if (!event.format) continue;
    const std::string& system = event.format->system;
    std::string text =
        sys::read_text(*root + "/events/" + system + "/" + event.format->name + "/format");
    if (!text.empty()) texts.formats[system].push_back(std::move(text));
  }
  if (texts.formats.empty()) return {};
  texts.header_page = sys::read_text(*root + "/events/header_page");
  texts.header_event = sys::read_text(*root + "/events/header_event");
  texts.printk_formats = sys::read_text(*root + "/printk_formats", 16 << 20);
  texts.saved_cmdlines = sys::read_text(*root + "/saved_cmdlines", 16 << 20);
  texts.page_bytes = static_cast<uint32_t>(sysconf(_SC_PAGESIZE));
  return source::make_tracing_data(texts);
}

}  // namespace oc::session
