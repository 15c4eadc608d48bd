// one thing: how the frames of each kind of module find their names, and in which order that is done.
#include "symbol/symbolizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <thread>
#include <utility>

#include "base/path.h"
#include "symbol/jit_files.h"
#include "symbol/jobs.h"
#include "symbol/kernel_symbols.h"
#include "symbol/module_names.h"

namespace oc::symbol {

using process::Frame;
using process::FrameId;
using process::Module;
using process::ModuleId;
using process::ModuleKind;

namespace {

/// Threads cost more than so few frames.
constexpr size_t kFewFrames = 32;
/// So many of one module are worth a second reader of its lines.
constexpr size_t kManyFrames = 512;

KernelSymbols::Settings kernel_settings(const Settings& settings, const Places& places) {
  KernelSymbols::Settings kernel;
  if (settings.use_cache)
    kernel.cache = settings.cache.empty() ? default_cache_folder() : settings.cache;
  kernel.proc = places.proc;
  kernel.archives = places.archives;
  kernel.boot = places.root + "/boot";
  kernel.may_be_running = places.archive.empty();
  return kernel;
}

bool is_in_kernel(ModuleKind kind) {
  return kind == ModuleKind::kKernel || kind == ModuleKind::kKernelModule ||
         kind == ModuleKind::kBpf;
}

/// What was put there as the dump's entry `put` (from 1).
const JitDump::Entry* find_put(const JitDump& dump, uint64_t address, uint32_t put) {
  if (put == 0 || put > dump.size()) return nullptr;
  const auto& entry = dump.entries()[put - 1];
  return address - entry.start < entry.size_bytes ? &entry : nullptr;
}

/// "nf_tables" of "[nf_tables]" and of "/lib/modules/…/nf-tables.ko.xz", as kallsyms has it.
std::string kernel_module_name(std::string_view path) {
  std::string name(base::file_name(path));
  if (name.starts_with('[') && name.ends_with(']')) name = name.substr(1, name.size() - 2);
  name.resize(std::min(name.find(".ko"), name.size()));
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

/// What is to be decompressed for a module.
struct Part {
  ModuleNames* names;
  size_t index;
};

/// The largest first.
std::vector<Part> parts_of(std::span<ModuleNames* const> modules) {
  std::vector<Part> parts;
  for (ModuleNames* const names : modules) {
    const size_t count = names->plan();
    for (size_t i = 0; i < count; ++i) parts.push_back({names, i});
  }
  std::stable_sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) {
    return a.names->part_bytes(a.index) > b.names->part_bytes(b.index);
  });
  return parts;
}

bool is_in_file(ModuleKind kind) { return kind == ModuleKind::kFile || kind == ModuleKind::kVdso; }

}  // namespace

/// The frames of one module that are new, by offset.
struct Symbolizer::Group {
  ModuleId module;
  ModuleNames* names = nullptr;
  std::vector<ModuleNames::Query> queries;
  std::vector<uint32_t> frames;
  Findings findings;
};

/// What was read so far, by module and process.
struct Symbolizer::Work {
  Work(const Settings& given, const Places& places)
      : settings(given), kernel(kernel_settings(given, places)) {}

  struct Given {
    std::vector<char> texts;
    std::vector<SymbolTable::Symbol> symbols;
    SymbolTable table;
  };

  ModuleNames& of(ModuleId module, ModuleFiles& files) {
    auto& slot = modules[module.value];
    if (!slot)
      slot = std::make_unique<ModuleNames>(files.load(module), settings.lines, settings.threads);
    return *slot;
  }
  std::vector<ModuleNames*> lanes_of(ModuleId module, ModuleNames& first);
  /// What was read of one process's compiled code.
  struct Jit {
    JitNames names;
    std::vector<std::string> dumps;
    uint64_t bytes = 0;  ///< of the dumps, as of the last look
  };
  const JitNames& jit_of(int32_t pid, ModuleFiles& files, uint32_t put = 0);
  bool find_given(const Frame& frame, Findings& findings, TextIndex& texts) const;
  void find_in_kernel(const Frame& frame, const Module& module, std::string_view path,
                      Findings& findings, TextIndex& texts);
  void find_in_memory(const Frame& frame, const JitNames& jit, uint32_t put, base::Nanos time,
                      Findings& findings, TextIndex& texts) const;

  Settings settings;
  KernelSymbols kernel;
  std::unordered_map<uint32_t, std::unique_ptr<ModuleNames>> modules;
  std::unordered_map<uint32_t, std::vector<std::unique_ptr<ModuleNames>>> seconds;
  std::unordered_map<uint32_t, Given> given;
  std::unordered_map<int32_t, Jit> jit;
  std::vector<JitNames> retired;  ///< texts that were found in this look-up are theirs
};

/// One for each thread, as far as its files allow; the first one makes its table here, for it is shared.
std::vector<ModuleNames*> Symbolizer::Work::lanes_of(ModuleId module, ModuleNames& first) {
  std::vector<ModuleNames*> lanes{&first};
  auto& more = seconds[module.value];
  while (more.size() + 1 < settings.threads) {
    auto second = first.make_second();
    if (!second) break;
    more.push_back(std::move(second));
  }
  for (const auto& second : more) lanes.push_back(second.get());
  return lanes;
}

/// `put`: so many entries its dump should have. Live, it grows; what is known stays when it has not more.
const JitNames& Symbolizer::Work::jit_of(int32_t pid, ModuleFiles& files, uint32_t put) {
  const auto entries = [](const JitNames& names) { return names.dump ? names.dump->size() : 0; };
  const auto bytes = [&](const std::vector<std::string>& dumps) {
    uint64_t sum = 0;
    for (const auto& path : dumps) sum += jit_dump_bytes(files.places(), pid, path);
    return sum;
  };
  const auto [at, is_new] = jit.try_emplace(pid);
  Jit& known = at->second;
  if (is_new) {
    known.dumps = find_dumps(files.modules(), pid);
    known.bytes =
        bytes(known.dumps);  // before it is read: what is added meanwhile is looked at again
    known.names = load_jit_names(files.places(), pid, known.dumps);
  }
  if (put == Module::kUntold || put <= entries(known.names)) return known.names;
  if (known.dumps.empty()) known.dumps = find_dumps(files.modules(), pid);
  const uint64_t size = bytes(known.dumps);
  if (size == known.bytes) return known.names;
  known.bytes = size;
  auto newer = load_jit_names(files.places(), pid, known.dumps);
  if (entries(newer) <= entries(known.names)) return known.names;
  retired.push_back(std::exchange(known.names, std::move(newer)));
  return known.names;
}

bool Symbolizer::Work::find_given(const Frame& frame, Findings& findings, TextIndex& texts) const {
  const auto found = given.find(frame.module.value);
  if (found == given.end()) return false;
  const auto* symbol = found->second.table.find(frame.lookup_offset());
  if (symbol == nullptr) return false;
  Findings::Place place;
  place.name = texts.name(found->second.table.name(*symbol));
  place.source = NameSource::kGiven;
  place.offset = frame.offset - symbol->start;
  findings.places.push_back(place);
  return true;
}

void Symbolizer::Work::find_in_kernel(const Frame& frame, const Module& module,
                                      std::string_view path, Findings& findings, TextIndex& texts) {
  Findings::Place place;
  // Its record named it; the kernel's table has whatever lies before.
  if (module.kind == ModuleKind::kBpf || path.starts_with("bpf_")) {
    place.name = texts.name(path);
    place.source = NameSource::kBpf;
    findings.places.push_back(place);
    return;
  }
  auto found = kernel.find(frame.lookup_offset());
  // A module's range and the list of names may be of different times.
  if (module.kind == ModuleKind::kKernelModule && found.module != kernel_module_name(path))
    found = {};
  place.name = texts.name(found.name);
  place.source = found.name.empty() ? NameSource::kNone : NameSource::kKallsyms;
  place.offset = found.name.empty() ? 0 : frame.offset - found.start;
  findings.places.push_back(place);
}

void Symbolizer::Work::find_in_memory(const Frame& frame, const JitNames& jit, uint32_t put,
                                      base::Nanos time, Findings& findings,
                                      TextIndex& texts) const {
  Findings::Place place;
  place.first_step = static_cast<uint32_t>(findings.steps.size());
  const uint64_t at = frame.lookup_offset();
  const auto* code = jit.dump ? find_put(*jit.dump, at, put) : nullptr;
  if (code == nullptr && jit.dump)
    code = settings.tells_code && put == 0 ? jit.dump->find_first(at) : jit.dump->find(at, time);
  const auto* entry = !code && jit.map ? jit.map->find(at) : nullptr;
  if (code != nullptr) {
    place.name = texts.name(code->name);
    place.source = NameSource::kJit;
    place.offset = frame.offset - code->start;
    if (const auto line = jit.dump->find_line(*code, at); !line.file.empty() && settings.lines) {
      findings.steps.push_back({place.name, texts.file(line.file), line.line});
      place.steps = 1;
    }
  } else if (entry != nullptr) {
    place.name = texts.name(entry->name);
    place.source = NameSource::kPerfMap;
    place.offset = frame.offset - entry->start;
  }
  findings.places.push_back(place);
}

Symbolizer::Symbolizer(const process::FrameTable& frames, ModuleFiles& files, Settings settings)
    : frames_(frames), files_(files), work_(std::make_unique<Work>(settings, files.places())) {
  if (work_->settings.threads == 0)
    work_->settings.threads = std::max(1u, std::thread::hardware_concurrency());
}

Symbolizer::~Symbolizer() = default;

KernelSymbols& Symbolizer::kernel() {
  settle();
  return work_->kernel;
}

/// Files are opened here, for one thread at a time may; the jobs are those of load_tables.
void Symbolizer::expect(std::span<const ModuleId> modules, bool with_kernel) {
  if (work_->settings.threads < 2 || files_.places().debuginfod != nullptr) return;
  settle();
  std::vector<ModuleNames*> expected;
  bool needs_kernel = false;
  for (const ModuleId id : modules) {
    const Module& module = files_.modules().find(id);
    needs_kernel |= is_in_kernel(module.kind);
    if (is_in_file(module.kind)) expected.push_back(&work_->of(id, files_));
  }
  std::vector<std::function<void()>> jobs;
  if (with_kernel && needs_kernel) jobs.emplace_back([this] { work_->kernel.size(); });
  for (const Part& part : parts_of(expected)) {
    jobs.emplace_back([part] { part.names->load(part.index); });
  }
  for (ModuleNames* const names : expected) {
    jobs.emplace_back([names] { names->load_symbols(); });
  }
  early_ = std::make_unique<EarlyJobs>(std::move(jobs));
}

void Symbolizer::finish_early() {
  early_->finish();
  early_.reset();
}

/// Those without a result, each once, by module and offset.
std::vector<uint32_t> Symbolizer::find_fresh(std::span<const FrameId> ids) const {
  struct Key {
    uint32_t module, id;
    uint64_t offset;
  };
  std::vector<Key> keys;
  for (const FrameId id : ids) {
    if (id.value == 0 || id.value >= slots_.size() || slots_[id.value] != 0) continue;
    const Frame frame = frames_.find(id);
    keys.push_back({frame.module.value, id.value, frame.offset});
  }
  std::sort(keys.begin(), keys.end(), [](const Key& a, const Key& b) {
    if (a.module != b.module) return a.module < b.module;
    return a.offset != b.offset ? a.offset < b.offset : a.id < b.id;
  });
  std::vector<uint32_t> fresh;
  for (const Key& key : keys) {
    if (fresh.empty() || fresh.back() != key.id) fresh.push_back(key.id);
  }
  return fresh;
}

void Symbolizer::resolve(std::span<const FrameId> ids) {
  settle();
  work_->retired.clear();
  if (slots_.size() <= frames_.size()) slots_.resize(frames_.size() + size_t{1});
  const std::vector<uint32_t> fresh = find_fresh(ids);
  std::vector<Group> groups;
  Findings others;
  TextIndex texts(others);
  std::vector<uint32_t> other_frames, elsewhere;
  for (const uint32_t id : fresh) {
    const Frame frame = frames_.find({id});
    const Module& module = files_.modules().find(frame.module);
    if (!work_->find_given(frame, others, texts)) {
      if (is_in_file(module.kind)) {
        if (groups.empty() || groups.back().module != frame.module)
          groups.push_back({frame.module, &work_->of(frame.module, files_), {}, {}, {}});
        groups.back().queries.push_back({frame.offset, frame.is_return});
        groups.back().frames.push_back(id);
        continue;
      }
      elsewhere.push_back(id);
      continue;
    }
    other_frames.push_back(id);
  }
  other_frames.insert(other_frames.end(), elsewhere.begin(), elsewhere.end());
  load_tables(groups, fresh.size() <= kFewFrames ? 1 : work_->settings.threads, [&] {
    for (const uint32_t id : elsewhere) find_elsewhere(frames_.find({id}), others, texts);
  });
  split(groups);
  find_in_files(groups);
  for (const Group& group : groups) {
    for (uint32_t i = 0; i < group.frames.size(); ++i)
      slots_[group.frames[i]] = add(group.findings, i);
  }
  for (uint32_t i = 0; i < other_frames.size(); ++i) slots_[other_frames[i]] = add(others, i);
}

/// All that does not wait for anything at once: the frames of no file, symbols, and what is decompressed for lines, the
/// largest first, for the largest alone take as long as all others together. Then lines, which need that.
void Symbolizer::load_tables(std::vector<Group>& groups, uint32_t threads,
                             const std::function<void()>& first) {
  std::vector<ModuleNames*> modules;
  for (const Group& group : groups) {
    if (threads > 1) modules.push_back(group.names);
  }
  const std::vector<Part> parts = parts_of(modules);
  run_jobs(1 + parts.size() + groups.size(), threads, [&](size_t job) {
    if (job == 0) {
      first();
    } else if (job <= parts.size()) {
      parts[job - 1].names->load(parts[job - 1].index);
    } else {
      groups[job - 1 - parts.size()].names->load_symbols();
    }
  });
  run_jobs(groups.size(), threads, [&](size_t i) { groups[i].names->table(); });
}

/// Of the kernel, of memory, of nothing.
void Symbolizer::find_elsewhere(const Frame& frame, Findings& findings, TextIndex& texts) {
  const Module& module = files_.modules().find(frame.module);
  if (is_in_kernel(module.kind)) {
    const auto path = files_.modules().path(frame.module);
    work_->find_in_kernel(frame, module, path, findings, texts);
  } else if (module.kind == ModuleKind::kMemory) {
    const JitNames& jit = work_->jit_of(module.pid, files_, module.code);
    work_->find_in_memory(frame, jit, module.code, ~base::Nanos{0}, findings, texts);
  } else {
    findings.places.emplace_back();
  }
}

/// Large groups of modules with lines into one for each thread, by unit.
void Symbolizer::split(std::vector<Group>& groups) {
  const size_t whole = groups.size();
  for (size_t i = 0; i < whole; ++i) {
    if (groups[i].queries.size() < kManyFrames || work_->settings.threads < 2) continue;
    if (!groups[i].names->is_worth_second(groups[i].queries)) continue;
    const auto lanes = work_->lanes_of(groups[i].module, *groups[i].names);
    if (lanes.size() < 2) continue;
    const Group all = std::move(groups[i]);
    std::vector<Group> parts;
    for (ModuleNames* const names : lanes) parts.push_back({all.module, names, {}, {}, {}});
    for (size_t at = 0; at < all.queries.size(); ++at) {
      Group& part = parts[lanes[0]->lane_of(all.queries[at], static_cast<uint32_t>(lanes.size()))];
      part.queries.push_back(all.queries[at]);
      part.frames.push_back(all.frames[at]);
    }
    groups[i] = std::move(parts[0]);
    for (size_t part = 1; part < parts.size(); ++part) groups.push_back(std::move(parts[part]));
  }
}

void Symbolizer::find_in_files(std::vector<Group>& groups) {
  std::sort(groups.begin(), groups.end(), [](const Group& a, const Group& b) {
    return a.queries.size() > b.queries.size();  // the longest first: the last to end is short
  });
  size_t total = 0;
  for (const Group& group : groups) total += group.queries.size();
  run_jobs(groups.size(), total <= kFewFrames ? 1 : work_->settings.threads,
           [&](size_t i) { groups[i].names->find(groups[i].queries, groups[i].findings); });
}

/// Interns what was found at one place; the slot's value.
uint32_t Symbolizer::add(const Findings& findings, uint32_t index) {
  Resolved resolved;
  if (index < findings.places.size()) {
    const Findings::Place& place = findings.places[index];
    const auto intern = [&](uint32_t name, bool is_full) {
      if (name == Findings::kNoName) return base::StringId{};
      const NamePair& pair = findings.names[name];
      return names_.intern(is_full ? pair.full : pair.brief);
    };
    resolved.function = intern(place.name, false);
    resolved.full_name = intern(place.name, true);
    resolved.offset = place.offset;
    resolved.source = place.source;
    resolved.first_call = static_cast<uint32_t>(calls_.size());
    for (uint32_t i = 0; i < place.steps; ++i) {
      const Findings::Step& step = findings.steps[place.first_step + i];
      Call call{intern(step.name, false), intern(step.name, true), {}, step.line};
      if (step.file != Findings::kNoName) call.file = names_.intern(findings.files[step.file]);
      calls_.push_back(call);
    }
    resolved.calls = static_cast<uint16_t>(place.steps);
  }
  resolved_.append(resolved);
  return resolved_.size();
}

const Resolved& Symbolizer::find(FrameId frame) {
  if (frame.value >= slots_.size() || slots_[frame.value] == 0) resolve({&frame, 1});
  if (frame.value == 0 || frame.value >= slots_.size()) {
    static const Resolved kNothing;
    return kNothing;
  }
  return resolved_[slots_[frame.value] - 1];
}

const Resolved& Symbolizer::find_at(FrameId id, base::Nanos time) {
  const Frame frame = frames_.find(id);
  const Module& module = files_.modules().find(frame.module);
  if (module.kind != ModuleKind::kMemory) return find(id);
  // The latest of a frame is known under its id alone; another one under its id and where that code began.
  const Resolved& latest = find(id);
  Findings findings;
  TextIndex texts(findings);
  work_->find_in_memory(frame, work_->jit_of(module.pid, files_, module.code), module.code, time,
                        findings, texts);
  const Findings::Place& place = findings.places[0];
  if (place.name == Findings::kNoName) return latest;
  const auto name = names_.intern(findings.names[place.name].full);
  if (name == latest.full_name && place.offset == latest.offset) return latest;
  auto& slot = timed_[uint64_t{id.value} << 32 | name.value];
  if (slot == 0) slot = add(findings, 0);
  return resolved_[slot - 1];
}

std::span<const Call> Symbolizer::calls(const Resolved& resolved) const {
  return std::span(calls_).subspan(resolved.first_call, resolved.calls);
}

std::string_view Symbolizer::module_name(ModuleId id) const {
  const Module& module = files_.modules().find(id);
  const auto path = files_.modules().path(id);
  switch (module.kind) {
    case ModuleKind::kKernel:
      return "[kernel.kallsyms]";
    case ModuleKind::kVdso:
      return "[vdso]";
    case ModuleKind::kNone:
      return "[unknown]";
    default:
      return path.empty() ? "[unknown]" : path;
  }
}

std::string Symbolizer::reason(ModuleId id) {
  settle();
  const Module& module = files_.modules().find(id);
  if (module.kind == ModuleKind::kNone) return "nothing was mapped there";
  if (module.kind == ModuleKind::kMemory) return work_->jit_of(module.pid, files_).reason;
  if (is_in_kernel(module.kind)) return work_->kernel.reason();
  const ModuleFile& found = files_.load(id);
  if (!found.reason.empty() && !found.file) return found.reason;
  if (!work_->of(id, files_).table().symbols().empty()) return {};
  const auto name = found.file ? found.file->name() : std::string(module_name(id));
  return name + " has no symbols, and no debug file was found";
}

std::string Symbolizer::reason(FrameId id) {
  const Resolved resolved = find(id);
  const ModuleId module = frames_.find(id).module;
  const bool is_named = resolved.function.value != 0;
  const auto kind = files_.modules().find(module).kind;
  if (is_named && (resolved.calls != 0 || !is_in_file(kind))) return {};
  if (auto why = reason(module); !is_named && !why.empty()) return why;
  if (!is_named) return fmt::format("no symbol of {} covers that place", module_name(module));
  const auto& file = files_.load(module);
  if (!file.file) return file.reason;
  if (work_->of(module, files_).lines() == nullptr)
    return file.file->name() + " has no line information, and no debug file was found";
  return fmt::format("the line information of {} does not cover that place", module_name(module));
}

void Symbolizer::add_symbols(ModuleId module, std::span<const GivenSymbol> symbols) {
  Work::Given& given = work_->given[module.value] = {};
  for (const GivenSymbol& symbol : symbols) {
    SymbolTable::Symbol added;
    added.start = symbol.offset;
    added.size_bytes = static_cast<uint32_t>(std::min<uint64_t>(symbol.size_bytes, ~uint32_t{0}));
    added.name = static_cast<uint32_t>(given.texts.size());
    added.source = NameSource::kGiven;
    given.texts.insert(given.texts.end(), symbol.name.begin(), symbol.name.end());
    given.texts.push_back(0);
    given.symbols.push_back(added);
  }
  given.table = SymbolTable(
      given.symbols, {reinterpret_cast<const uint8_t*>(given.texts.data()), given.texts.size()});
}

}  // namespace oc::symbol
