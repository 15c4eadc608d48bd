#include "format/firefox_thread.h"

#include <fmt/format.h>

#include <algorithm>

#include "format/escapes.h"
#include "machine/selection.h"

namespace oc::format {

namespace {

std::string_view last_part(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos || slash + 1 == path.size() ? path
                                                                     : path.substr(slash + 1);
}

/// As the Breakpad tools name a build: the first 16 bytes of its id as a GUID in memory, printed, and an age of 0.
std::string breakpad_id(const process::BuildId& build_id) {
  std::array<uint8_t, 16> guid{};
  const auto bytes = build_id.view();
  std::copy_n(bytes.begin(), std::min(bytes.size(), guid.size()), guid.begin());
  std::string text;
  for (const int i : {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15}) {
    text += fmt::format("{:02X}", guid[static_cast<size_t>(i)]);
  }
  return text + "0";
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out += fmt::format(",\"{}\":", name);
  append_json(out, value);
}

/// "name":[1,null,3] with a comma before it. In pieces, because columns of samples are long.
template <typename Values, typename Append>
void write_column(Output& out, std::string_view name, const Values& values, Append append) {
  std::string text = fmt::format(",\"{}\":[", name);
  for (size_t i = 0; i < values.size(); ++i) {
    if (i != 0) text += ',';
    append(text, values[i]);
    if (text.size() > 60'000) {
      out.write(text);
      text.clear();
    }
  }
  out.write(text += ']');
}

void write_column(Output& out, std::string_view name, const std::vector<int64_t>& values) {
  write_column(out, name, values, [](std::string& text, int64_t value) {
    if (value == INT64_MIN) {
      text += "null";
    } else {
      fmt::format_to(std::back_inserter(text), "{}", value);
    }
  });
}

void write_column(Output& out, std::string_view name, const std::vector<double>& values) {
  write_column(out, name, values, [](std::string& text, double value) {
    fmt::format_to(std::back_inserter(text), "{}", value);
  });
}

std::vector<int64_t> column_of(size_t size, int64_t value) {
  return std::vector<int64_t>(size, value);
}

}  // namespace

uint32_t FirefoxLibs::add(process::ModuleId module, base::StringId path) {
  const uint64_t key = module ? uint64_t{module.value} << 32 : path.value;
  const auto [at, is_new] = by_module_.try_emplace(key, static_cast<uint32_t>(libs_.size()));
  if (is_new) libs_.push_back({module, path});
  return at->second;
}

std::string FirefoxLibs::text() const {
  std::string text = "[";
  const auto arch = machine_.facts.host.find("arch");
  for (const Lib& lib : libs_) {
    process::BuildId build_id;
    if (lib.module && machine_.traced().modules != nullptr) {
      build_id = machine_.traced().modules->find(lib.module).build_id;
    }
    const std::string_view path = machine_.text(lib.path);
    text += text.size() == 1 ? "{" : ",{";
    std::string fields;
    append_field(fields, "name", last_part(path));
    append_field(fields, "path", path);
    append_field(fields, "debugName", last_part(path));
    append_field(fields, "debugPath", path);
    append_field(fields, "breakpadId", breakpad_id(build_id));
    append_field(fields, "arch", arch == machine_.facts.host.end() ? std::string() : arch->second);
    fields += ",\"codeId\":";
    if (build_id) {
      fields += fmt::format("\"{:02x}\"", fmt::join(build_id.view(), ""));
    } else {
      fields += "null";
    }
    text += fields.substr(1) + "}";
  }
  return text + "]";
}

uint32_t FirefoxThread::string_of(base::StringId text) {
  const auto [at, is_new] =
      string_ids_.try_emplace(text.value, static_cast<uint32_t>(strings_.size()));
  if (is_new) strings_.push_back(text);
  return at->second;
}

uint32_t FirefoxThread::resource_of(uint32_t lib) {
  const auto [at, is_new] =
      resource_ids_.try_emplace(lib, static_cast<uint32_t>(resource_lib_.size()));
  if (is_new) {
    resource_lib_.push_back(lib);
    resource_name_.push_back(
        string_of(machine_.texts.intern(last_part(machine_.text(libs_.path(lib))))));
  }
  return at->second;
}

uint32_t FirefoxThread::func_of(machine::FunctionId function, uint32_t lib) {
  const auto [at, is_new] =
      func_ids_.try_emplace(function.value, static_cast<uint32_t>(func_name_.size()));
  if (is_new) {
    const machine::Function& known = machine_.places.function(function);
    func_name_.push_back(string_of(known.name));
    func_resource_.push_back(resource_of(lib));
    func_file_.push_back(known.file ? string_of(known.file) : kNull);
  }
  return at->second;
}

/// In the module as it was linked, from where that begins; -1 of what is in no file.
int64_t FirefoxThread::address_of(const machine::Place& place) const {
  if (!place.module || place.has_address) return -1;
  const uint64_t offset = place.offset - (place.is_return && place.offset != 0 ? 1 : 0);
  machine::NamedSegment segment;
  if (machine_.traced().namer != nullptr) {
    segment = machine_.traced().namer->find_segment(place.module, offset);
  }
  if (segment.size_bytes == 0) return static_cast<int64_t>(offset);
  return static_cast<int64_t>(offset - segment.offset + segment.address - segment.image);
}

uint32_t FirefoxThread::frame_of(uint32_t frame, const machine::Place& place, size_t line) {
  const uint64_t key = uint64_t{frame} << 32 | line;
  const auto [at, is_new] = frame_ids_.try_emplace(key, static_cast<uint32_t>(frame_func_.size()));
  if (!is_new) return at->second;
  const machine::Line& at_line = place.lines[line];
  const uint32_t lib = libs_.add(place.module, machine_.places.function(at_line.function).module);
  frame_address_.push_back(address_of(place));
  frame_depth_.push_back(inlined_ ? static_cast<int64_t>(place.lines.size() - 1 - line) : 0);
  frame_category_.push_back(place.is_kernel ? kKernel : kUser);
  frame_line_.push_back(at_line.line != 0 ? int64_t{at_line.line} : kNull);
  frame_func_.push_back(func_of(at_line.function, lib));
  return at->second;
}

/// The number of a stack; null for one without frames.
int64_t FirefoxThread::node_of(machine::StackRef stack) {
  if (stack == 0) return kNull;
  const auto [at, is_new] = nodes_.try_emplace(stack, StackTree::kRoot);
  if (is_new) {
    uint32_t node = StackTree::kRoot;
    const auto frames = machine_.stack(stack).frames;
    for (size_t i = frames.size(); i-- > 0;) {
      const machine::Place place = machine_.places.find(frames[i]);
      const size_t count = place.lines.size();
      const size_t until = inlined_ || count == 0 ? 0 : count - 1;
      for (size_t k = count; k-- > until;) node = tree_.add(node, frame_of(frames[i], place, k));
    }
    at->second = node;
  }
  return at->second == StackTree::kRoot ? kNull : int64_t{at->second} - 1;
}

void FirefoxThread::add_sample(double ms, machine::StackRef stack, double weight) {
  sample_time_.push_back(ms);
  sample_stack_.push_back(node_of(stack));
  sample_weight_.push_back(weight);
}

void FirefoxThread::add_marker(base::StringId name, double start_ms, double end_ms, bool is_instant,
                               std::string data, machine::StackRef stack) {
  marker_name_.push_back(string_of(name));
  marker_start_.push_back(start_ms);
  marker_end_.push_back(end_ms);
  marker_phase_.push_back(is_instant ? 0 : 1);
  if (const int64_t node = node_of(stack); node != kNull) {
    data += fmt::format(",\"cause\":{{\"time\":{},\"stack\":{}}}", start_ms, node);
  }
  marker_data_.push_back(std::move(data));
}

void FirefoxThread::write_markers(Output& out) const {
  out.write(fmt::format(",\"markers\":{{\"length\":{}", marker_name_.size()));
  write_column(out, "data", marker_data_,
               [](std::string& text, const std::string& data) { text += "{" + data + "}"; });
  write_column(out, "name", marker_name_);
  write_column(out, "startTime", marker_start_);
  write_column(out, "endTime", marker_end_, [](std::string& text, double value) {
    fmt::format_to(std::back_inserter(text), "{}", value);
  });
  write_column(out, "phase", marker_phase_);
  write_column(out, "category", column_of(marker_name_.size(), kOther));
  out.write("}");
}

void FirefoxThread::write_samples(std::string_view weight_type, Output& out) const {
  out.write(fmt::format(",\"samples\":{{\"length\":{},\"weightType\":\"{}\"", sample_time_.size(),
                        weight_type));
  write_column(out, "stack", sample_stack_);
  write_column(out, "time", sample_time_);
  const bool is_plain = std::all_of(sample_weight_.begin(), sample_weight_.end(),
                                    [](double weight) { return weight == 1; });
  if (is_plain) {
    out.write(",\"weight\":null");
  } else {
    write_column(out, "weight", sample_weight_);
  }
  out.write("}");
}

void FirefoxThread::write_stacks(Output& out) const {
  std::vector<int64_t> prefix, frame;
  for (uint32_t node = 1; node <= tree_.size(); ++node) {
    const auto [parent, at] = tree_[node];
    prefix.push_back(parent == StackTree::kRoot ? kNull : int64_t{parent} - 1);
    frame.push_back(at);
  }
  out.write(fmt::format(",\"stackTable\":{{\"length\":{}", prefix.size()));
  write_column(out, "prefix", prefix);
  write_column(out, "frame", frame);
  const size_t frames = frame_func_.size();
  out.write(fmt::format("}},\"frameTable\":{{\"length\":{}", frames));
  write_column(out, "address", frame_address_);
  write_column(out, "inlineDepth", frame_depth_);
  write_column(out, "category", frame_category_);
  write_column(out, "subcategory", column_of(frames, 0));
  write_column(out, "func", frame_func_);
  write_column(out, "nativeSymbol", column_of(frames, kNull));
  write_column(out, "innerWindowID", column_of(frames, kNull));
  write_column(out, "line", frame_line_);
  write_column(out, "column", column_of(frames, kNull));
  out.write("}");
}

void FirefoxThread::write_functions(Output& out) const {
  const size_t funcs = func_name_.size(), resources = resource_lib_.size();
  out.write(fmt::format(",\"funcTable\":{{\"length\":{}", funcs));
  write_column(out, "name", func_name_);
  const auto append_false = [](std::string& text, int64_t) { text += "false"; };
  write_column(out, "isJS", func_name_, append_false);
  write_column(out, "relevantForJS", func_name_, append_false);
  write_column(out, "resource", func_resource_);
  write_column(out, "fileName", func_file_);
  write_column(out, "lineNumber", column_of(funcs, kNull));
  write_column(out, "columnNumber", column_of(funcs, kNull));
  out.write(fmt::format("}},\"resourceTable\":{{\"length\":{}", resources));
  write_column(out, "lib", resource_lib_);
  write_column(out, "name", resource_name_);
  write_column(out, "host", column_of(resources, kNull));
  write_column(out, "type", column_of(resources, 1));  // a library
  out.write(
      "},\"nativeSymbols\":{\"length\":0,\"libIndex\":[],\"address\":[],\"name\":[],"
      "\"functionSize\":[]}");
}

void FirefoxThread::write(const Facts& facts, std::string_view weight_type, Output& out) const {
  std::string head = "{\"processType\":\"default\"";
  append_field(head, "name", facts.name);
  append_field(head, "processName", facts.process_name);
  append_field(head, "pid", facts.pid);
  append_field(head, "tid", facts.tid);
  const std::string end = facts.end < facts.start ? "null" : fmt::format("{}", facts.end);
  head += fmt::format(
      ",\"isMainThread\":{},\"processStartupTime\":{},\"processShutdownTime\":{},"
      "\"registerTime\":{},\"unregisterTime\":{},\"pausedRanges\":[]",
      facts.is_main, facts.start, end, facts.start, end);
  out.write(head);
  write_samples(weight_type, out);
  write_markers(out);
  write_stacks(out);
  write_functions(out);
  write_column(out, "stringArray", strings_,
               [&](std::string& text, base::StringId id) { append_json(text, machine_.text(id)); });
  out.write("}");
}

}  // namespace oc::format
