#include <algorithm>
#include <iterator>
#include <utility>

#include "machine/process_table.h"

namespace oc::machine {

namespace {

/// By old id (from 1) the new one, 0 where `keep` is 0. Moves what is kept together.
template <typename Row>
std::vector<uint32_t> compact(std::vector<Row>& rows, const std::vector<uint8_t>& keep) {
  std::vector<uint32_t> ids(rows.size() + 1, 0);
  uint32_t count = 0;
  for (uint32_t id = 1; id < ids.size(); ++id) {
    if (!keep[id]) continue;
    ids[id] = ++count;
    if (count != id) rows[count - 1] = std::move(rows[id - 1]);
  }
  rows.resize(count);
  if (rows.capacity() > 4 * rows.size()) rows.shrink_to_fit();
  return ids;
}

/// Of the names that ended before `since` the last one stays: it was the name then.
void keep_since(std::vector<NameSince>& names, int64_t since) {
  const auto later = std::find_if(names.begin(), names.end(),
                                  [&](const NameSince& name) { return name.time >= since; });
  if (later - names.begin() > 1) names.erase(names.begin(), later - 1);
}

/// Values are ids; what has none any more goes.
template <typename Map>
void renumber_values(Map& map, const std::vector<uint32_t>& ids) {
  for (auto at = map.begin(); at != map.end();) {
    at->second = ids[at->second];
    at = at->second == 0 ? map.erase(at) : std::next(at);
  }
}

}  // namespace

/// By old id the new one; 0: gone.
struct ProcessTable::Renumbered {
  std::vector<uint32_t> processes, threads, contexts;
};

std::vector<uint32_t> ProcessTable::forget(int64_t since,
                                           const std::vector<uint8_t>& used_contexts) {
  std::vector<uint8_t> processes(processes_.size() + 1, 0), threads(threads_.size() + 1, 0);
  // Of what nobody told more than its numbers it is made again when it is needed.
  for (uint32_t id = 1; id < processes.size(); ++id) {
    const Process& process = processes_[id - 1];
    const bool is_told = process.start != kBeforeTrace || process.command_line ||
                         live_.count(id) != 0 || !process.execs.empty();
    processes[id] = process.end >= since && is_told;
  }
  for (uint32_t id = 1; id < threads.size(); ++id) {
    const Thread& thread = threads_[id - 1];
    const bool is_told =
        thread.is_told || thread.start != kBeforeTrace || processes[thread.process.value];
    threads[id] = thread.end >= since && is_told;
  }
  for (uint32_t id = 1; id < used_contexts.size(); ++id) {
    if (used_contexts[id]) threads[contexts_[id - 1].thread.value] = 1;
  }
  for (uint32_t id = 1; id < threads.size(); ++id) {
    if (threads[id]) processes[threads_[id - 1].process.value] = 1;
  }
  keep_names(since);
  Renumbered ids;
  ids.processes = compact(processes_, processes);
  keep_mappings(since, ids.processes);
  ids.threads = compact(threads_, threads);
  ids.contexts = compact(contexts_, used_contexts);
  renumber(ids);
  ++generation_;
  return std::move(ids.contexts);
}

void ProcessTable::keep_names(int64_t since) {
  for (Thread& thread : threads_) keep_since(thread.names, since);
  for (Process& process : processes_) keep_since(process.execs, since);
}

/// Of a process that is gone none; of one that ended long ago, and is needed, those that it had at the end.
void ProcessTable::keep_mappings(int64_t since, const std::vector<uint32_t>& process_ids) {
  std::vector<uint8_t> keep(mappings_.size() + 1, 0);
  for (uint32_t id = 1; id < keep.size(); ++id) {
    MachineMapping& mapping = mappings_[id - 1];
    const uint32_t owner = process_ids[mapping.process.value];
    const bool is_of_kernel = !mapping.process;
    const int64_t end = is_of_kernel || owner == 0 ? since : processes_[owner - 1].end;
    keep[id] = (is_of_kernel || owner != 0) && mapping.until >= std::min(since, end);
    mapping.process = {owner};
  }
  const std::vector<uint32_t> ids = compact(mappings_, keep);
  mappings_of_.clear();
  for (uint32_t i = 0; i < mappings_.size(); ++i) {
    mappings_of_[mappings_[i].process.value].push_back(i);
  }
  std::unordered_map<uint32_t, std::map<uint64_t, uint32_t>> live;
  for (auto& [process, by_start] : live_) {
    if (process != 0 && process_ids[process] == 0) continue;
    for (auto& [start, index] : by_start) index = ids[index + 1] - 1;  // live: all of them stay
    live.emplace(process_ids[process], std::move(by_start));
  }
  live_ = std::move(live);
}

void ProcessTable::renumber(const Renumbered& ids) {
  names_ = 0;
  for (Process& process : processes_) {
    process.parent = {ids.processes[process.parent.value]};
    for (uint32_t& thread : process.threads) thread = ids.threads[thread];
    std::erase(process.threads, 0u);
    process.live_threads = 0;
    names_ += process.execs.size();
  }
  for (Thread& thread : threads_) {
    thread.process = {ids.processes[thread.process.value]};
    process(thread.process).live_threads += thread.end == kAfterTrace;
    names_ += thread.names.size();
  }
  context_of_.clear();
  for (uint32_t i = 0; i < contexts_.size(); ++i) {
    Context& context = contexts_[i];
    context.thread = {ids.threads[context.thread.value]};
    context_of_.emplace(key_of(context), i + 1);
  }
  renumber_values(process_by_pid_, ids.processes);
  renumber_values(lives_of_, ids.processes);
  renumber_values(thread_by_tid_, ids.threads);
  renumber_values(by_life_, ids.threads);
}

}  // namespace oc::machine
