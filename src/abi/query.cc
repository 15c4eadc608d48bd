#include <algorithm>

#include "abi/calls.h"
#include "abi/machine_handle.h"
#include "machine/replay.h"

namespace machine = oc::machine;
using oc::abi::current;
using oc::abi::fail;
using oc::abi::guarded;
using oc::abi::text_of;
using oc::abi::time_of;
using oc::base::Code;
using oc::base::make_error;

struct oc_replay {
  oc_machine& owner;
  machine::Replay replay;
};

namespace {

bool read_number(const std::string& text, int32_t* out) {
  if (text.empty() || text.size() > 9) return false;
  *out = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    *out = *out * 10 + (c - '0');
  }
  return true;
}

int add_number(oc_selection& selection, std::vector<int32_t>& list, const char* what,
               const std::string& text) {
  int32_t number = 0;
  if (!read_number(text, &number)) {
    return fail(
        selection.owner,
        make_error(Code::kUsage, std::string(what) + " wants a number, not '" + text + "'"));
  }
  list.push_back(number);
  return 0;
}

void fill_sample(const machine::Machine& m, const machine::Sample& sample, uint64_t number,
                 oc_sample& to) {
  to = oc_sample{};
  to.time = static_cast<double>(sample.time);
  to.value = sample.value;
  to.number = static_cast<double>(number);
  to.kind = sample.kind.value;
  to.context = sample.context.value;
  to.stack = sample.stack;
  to.attributes = sample.attributes.value;
  to.cpu = sample.cpu == machine::kNoCpu ? -1 : sample.cpu;
  to.pid = to.tid = -1;
  if (!sample.context) return;
  const machine::Context& context = m.processes.context(sample.context);
  const machine::Thread& thread = m.processes.thread(context.thread);
  to.thread = context.thread.value;
  to.process = thread.process.value;
  to.tid = thread.tid;
  to.pid = m.processes.process(thread.process).pid;
  to.comm = text_of(m.text(context.comm));
}

oc_graph_node function_of(const machine::Machine& m, machine::FunctionId id) {
  oc_graph_node out{};
  const machine::Function& function = m.places.function(id);
  out.name = text_of(m.text(function.name));
  out.module = text_of(m.text(function.module));
  out.file = text_of(m.text(function.file));
  out.is_kernel = function.is_kernel;
  out.what = 4;
  return out;
}

/// With the test of samples that Lua made.
oc::base::Result<machine::Selection> make_selection(oc_selection& selection) {
  auto made = machine::Selection::make(*selection.owner.machine, selection.filter);
  if (!made) return made;
  selection.generation = selection.owner.machine->processes.generation();
  if (selection.keep) {
    made->add_test([keep = selection.keep, first = selection.keep_first](uint64_t number) {
      const uint64_t at = number - first;
      return at < keep->size() && (*keep)[at] != 0;
    });
  }
  return made;
}

}  // namespace

namespace oc::abi {

machine::Selection& current(oc_selection& selection) {
  if (selection.generation != selection.owner.machine->processes.generation()) {
    auto made = make_selection(selection);
    if (made) *selection.made = std::move(*made);
  }
  return *selection.made;
}

}  // namespace oc::abi

extern "C" {

oc_selection* oc_selection_new(oc_machine* owner) {
  return guarded(*owner, static_cast<oc_selection*>(nullptr), [&] {
    return new oc_selection{.owner = *owner, .filter = {}, .keep = {}, .made = {}};
  });
}

void oc_selection_close(oc_selection* selection) { delete selection; }

int oc_selection_choose(oc_selection* selection, const char* what, const char* text) {
  return guarded(selection->owner, -1, [&] {
    machine::Filter& filter = selection->filter;
    const std::string name = what, value = text;
    if (name == "kind")
      filter.kinds.push_back(value);
    else if (name == "comm")
      filter.comms.push_back(value);
    else if (name == "task")
      filter.tasks.push_back(value);
    else if (name == "symbol")
      filter.symbols.push_back(value);
    else if (name == "module")
      filter.modules.push_back(value);
    else if (name == "cgroup")
      filter.cgroups.push_back(value);
    else if (name == "pid")
      return add_number(*selection, filter.pids, what, value);
    else if (name == "tid")
      return add_number(*selection, filter.tids, what, value);
    else if (name == "cpu")
      return add_number(*selection, filter.cpus, what, value);
    else if (name == "attribute") {
      const size_t equals = value.find('=');
      if (equals == std::string::npos) {
        return fail(selection->owner,
                    make_error(Code::kUsage, "attribute wants NAME=VALUE, not '" + value + "'"));
      }
      filter.attributes.push_back({value.substr(0, equals), value.substr(equals + 1)});
    } else {
      return fail(selection->owner,
                  make_error(Code::kUsage, "samples cannot be chosen by '" + name + "'"));
    }
    return 0;
  });
}

void oc_selection_time(oc_selection* selection, double from_ns, double until_ns) {
  selection->filter.from = time_of(from_ns);
  selection->filter.until = time_of(until_ns);
}

void oc_selection_keep(oc_selection* selection, const uint8_t* keep, double count) {
  guarded(selection->owner, 0, [&] {
    selection->keep =
        std::make_shared<const std::vector<uint8_t>>(keep, keep + oc::abi::whole(count));
    selection->keep_first = selection->owner.machine->samples.first();
    return 0;
  });
}

int oc_selection_finish(oc_selection* selection) {
  return guarded(selection->owner, -1, [&] {
    auto made = make_selection(*selection);
    if (!made) return fail(selection->owner, std::move(made.error()));
    selection->made = std::make_unique<machine::Selection>(std::move(*made));
    return 0;
  });
}

double oc_selection_count(oc_selection* selection) {
  return guarded(selection->owner, -1.0,
                 [&] { return static_cast<double>(current(*selection).count()); });
}

uint32_t oc_selection_next(oc_selection* selection, double* cursor, double end, oc_sample* out) {
  return guarded(selection->owner, 0u, [&] {
    const machine::Machine& m = *selection->owner.machine;
    std::vector<uint16_t> places(machine::SampleTable::kChunk);
    const uint64_t last = std::min(m.samples.end(), oc::abi::whole(end));
    uint64_t at = std::max(m.samples.first(), oc::abi::whole(*cursor));
    uint32_t count = 0;
    while (count == 0 && at < last) {
      const uint64_t index = (at - m.samples.first()) / machine::SampleTable::kChunk;
      const uint64_t first = m.samples.first() + index * machine::SampleTable::kChunk;
      const auto& chunk = m.samples.chunks()[index];
      const uint32_t chosen = current(*selection).select(chunk, first, places.data());
      for (uint32_t k = 0; k < chosen; ++k) {
        const uint64_t number = first + places[k];
        if (number >= at && number < last)
          fill_sample(m, chunk.at(places[k]), number, out[count++]);
      }
      at = first + chunk.count;
    }
    *cursor = static_cast<double>(at);
    return count;
  });
}

oc_replay* oc_replay_new(oc_selection* selection) {
  return guarded(selection->owner, static_cast<oc_replay*>(nullptr), [&] {
    return new oc_replay{selection->owner, machine::Replay(current(*selection))};
  });
}

void oc_replay_close(oc_replay* replay) { delete replay; }

uint32_t oc_replay_next(oc_replay* replay, oc_moment* out, uint32_t capacity) {
  return guarded(replay->owner, 0u, [&] {
    uint32_t count = 0;
    machine::Replay::Moment moment;
    while (count < capacity && replay->replay.next(&moment)) {
      out[count++] = {oc::abi::double_of(moment.time), static_cast<double>(moment.id),
                      static_cast<uint32_t>(moment.what)};
    }
    return count;
  });
}

oc_query* oc_query_new(oc_selection* selection) {
  return guarded(selection->owner, static_cast<oc_query*>(nullptr),
                 [&] { return new oc_query{*selection, {}, {}, {}, {}, {}}; });
}

void oc_query_close(oc_query* query) { delete query; }

int oc_query_by(oc_query* query, const char* group, double width) {
  return guarded(query->selection.owner, -1, [&] {
    auto by = machine::parse_group_by(group);
    if (!by) return fail(query->selection.owner, std::move(by.error()));
    by->width = time_of(width);
    query->groups.push_back(std::move(*by));
    return 0;
  });
}

const char* oc_group_name(uint32_t index) {
  const std::string_view name = machine::group_name_at(index);
  return name.empty() ? nullptr : name.data();  // literals
}

void oc_query_by_given(oc_query* query, const uint32_t* groups, double count) {
  guarded(query->selection.owner, 0, [&] {
    machine::GroupBy by;
    by.what = machine::GroupBy::What::kGiven;
    by.given.assign(groups, groups + oc::abi::whole(count));
    query->groups.push_back(std::move(by));
    return 0;
  });
}

double oc_query_run(oc_query* query, uint32_t order) {
  return guarded(query->selection.owner, -1.0, [&] {
    query->made = std::make_unique<machine::Query>(current(query->selection), query->groups);
    query->made->run(order == 0 ? machine::Query::Order::kSum : machine::Query::Order::kCount);
    return static_cast<double>(query->made->rows().size());
  });
}

void oc_query_row(oc_query* query, uint32_t row, oc_row* out) {
  const machine::Row& found = query->made->rows()[row];
  *out = {static_cast<double>(found.count), found.sum, found.min, found.max, found.squares};
}

void oc_query_totals(oc_query* query, oc_row* out) {
  *out = {static_cast<double>(query->made->total_count()), query->made->total_sum(), 0, 0,
          query->made->total_squares()};
}

const char* oc_query_text(oc_query* query, uint32_t row, uint32_t group, size_t* size_bytes) {
  return guarded(query->selection.owner, "", [&] {
    query->text = query->made->text(group, query->made->rows()[row].keys[group]);
    *size_bytes = query->text.size();
    return query->text.c_str();
  });
}

double oc_query_number(oc_query* query, uint32_t row, uint32_t group) {
  return query->made->number(group, query->made->rows()[row].keys[group]);
}

const double* oc_query_quantiles(oc_query* query, const double* shares, uint32_t count) {
  return guarded(query->selection.owner, static_cast<const double*>(nullptr), [&] {
    query->quantiles.clear();
    for (const auto& row : query->made->quantiles({shares, shares + count})) {
      query->quantiles.insert(query->quantiles.end(), row.begin(), row.end());
    }
    return static_cast<const double*>(query->quantiles.data());
  });
}

double oc_query_histogram(oc_query* query, uint32_t row, uint32_t index) {
  return guarded(query->selection.owner, -2.0, [&] {
    if (query->histograms.empty()) query->histograms = query->made->histograms();
    if (row >= query->histograms.size() || index >= query->histograms[row].size()) return -1.0;
    return static_cast<double>(query->histograms[row][index]);
  });
}

oc_graph* oc_graph_new(oc_selection* selection, const oc_graph_options* given) {
  return guarded(selection->owner, static_cast<oc_graph*>(nullptr), [&] {
    const auto text = [](const char* from) { return std::string(from == nullptr ? "" : from); };
    machine::GraphOptions options;
    options.is_inverted = given->is_inverted != 0;
    options.inlined = given->no_inlined == 0;
    options.by_process = given->by_process != 0;
    options.by_thread = given->by_thread != 0;
    options.by_comm = given->by_comm != 0;
    options.by_line = given->by_line != 0;
    options.fold_recursion = given->fold_recursion != 0;
    options.kernel = given->no_kernel == 0;
    options.user = given->no_user == 0;
    options.focus = text(given->focus);
    options.callers_of = text(given->callers_of);
    options.hide = text(given->hide);
    options.hide_module = text(given->hide_module);
    return new oc_graph{selection->owner, machine::Graph::make(current(*selection), options)};
  });
}

void oc_graph_close(oc_graph* graph) { delete graph; }

void oc_graph_merge(oc_graph* graph, oc_graph* other) {
  guarded(graph->owner, 0, [&] {
    graph->graph.merge(other->graph);
    return 0;
  });
}

uint32_t oc_graph_nodes(oc_graph* graph) {
  return static_cast<uint32_t>(graph->graph.nodes().size());
}

int oc_graph_node_at(oc_graph* graph, uint32_t node, oc_graph_node* out) {
  if (node >= graph->graph.nodes().size()) return 0;
  const machine::Machine& m = *graph->owner.machine;
  const machine::Graph::Node& at = graph->graph.nodes()[node];
  const machine::Graph::Label& label = graph->graph.label(node);
  *out = oc_graph_node{};
  if (label.what == machine::Graph::Label::What::kFunction) *out = function_of(m, label.function);
  out->name = text_of(graph->graph.text(node));
  if (label.file) out->file = text_of(m.text(label.file));
  out->line = label.line;
  out->what = static_cast<uint32_t>(label.what);
  out->is_kernel = label.is_kernel;
  out->parent = at.parent;
  out->first_child = at.first_child;
  out->next = at.next;
  out->self = at.self;
  out->total = at.total;
  out->self_count = static_cast<double>(at.self_count);
  out->total_count = static_cast<double>(at.total_count);
  return 1;
}

int oc_graph_function(oc_graph* graph, uint32_t index, oc_graph_node* out) {
  if (index >= graph->graph.functions().size()) return 0;
  const auto& sums = graph->graph.functions()[index];
  *out = function_of(*graph->owner.machine, sums.function);
  out->self = sums.self;
  out->total = sums.total;
  out->self_count = static_cast<double>(sums.self_count);
  out->total_count = static_cast<double>(sums.total_count);
  return 1;
}

}  // extern "C"
