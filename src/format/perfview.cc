#include <fmt/format.h>

#include <array>
#include <functional>
#include <unordered_map>
#include <vector>

#include "base/interner.h"
#include "format/escapes.h"
#include "format/formats.h"
#include "format/frame_texts.h"
#include "format/stack_tree.h"
#include "format/time_order.h"
#include "format/zip_entry.h"

namespace oc::format {

namespace {

// PerfView does not mind the case; we know files by it.
constexpr std::array<std::string_view, 3> kPerfviewExtensions{".PerfView.xml", ".perfView.xml",
                                                              ".perfview.xml"};
constexpr std::array<std::string_view, 3> kZipExtensions{".PerfView.xml.zip", ".perfView.xml.zip",
                                                         ".perfview.xml.zip"};

using Write = std::function<void(std::string_view)>;

/// Stacks as PerfView's own XML has them: frames by number, stacks as a tree of them, samples that are at its nodes.
///
///     Process64 name (pid) ── Thread (tid) (name) ── module!function … module!function ── Event kind
///
/// The last only where samples are of several kinds. Source: XMLStackSource.cs of microsoft/perfview; see
/// docs/formats/perfview.md for what it insists on.
class PerfViewExport {
 public:
  PerfViewExport(const Export& what, Write write)
      : what_(what), machine_(what.machine), write_(std::move(write)) {}

  /// False: the user gave up.
  bool run() {
    name_frames(what_);
    gather();
    write_("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<StackWindow>\n<StackSource>\n");
    write_frames();
    write_stacks();
    const bool went_on = write_samples();
    write_("</StackSource>\n</StackWindow>\n");
    return went_on;
  }

 private:
  /// What decides where a sample is in the tree.
  struct Kinds {
    machine::KindId first;
    bool are_several = false;
  };

  void gather() {
    what_.selection.for_each([&](const machine::Sample& sample, uint64_t) {
      ++count_;
      if (!kinds_.first) kinds_.first = sample.kind;
      kinds_.are_several |= !(kinds_.first == sample.kind);
    });
    what_.selection.for_each([&](const machine::Sample& sample, uint64_t) { node_of(sample); });
  }

  uint32_t frame(const std::string& name) {
    // Readers drop a text of blanks, and with it the frame's number.
    const bool is_blank = name.find_first_not_of(' ') == std::string::npos;
    return names_.intern(is_blank ? std::string_view("?") : std::string_view(name)).value;
  }

  uint32_t frame_of(machine::FunctionId id) {
    if (id.value >= frames_.size()) frames_.resize(id.value + 1);
    uint32_t& known = frames_[id.value];
    if (known != 0) return known;
    const machine::Function& function = machine_.places.function(id);
    const std::string name = function.is_known ? clean_text(machine_.text(function.name)) : "?";
    return known = frame(clean_text(machine_.text(function.module)) + "!" + name);
  }

  uint32_t thread_node(machine::ContextId id) {
    if (!id) return tree_.add(StackTree::kRoot, frame("Process64 unknown"));
    if (id.value >= threads_.size()) threads_.resize(id.value + 1);
    uint32_t& known = threads_[id.value];
    if (known != 0) return known;
    const machine::Context& context = machine_.processes.context(id);
    const machine::Process& process = machine_.processes.process_of(id);
    const uint32_t above = tree_.add(
        StackTree::kRoot, frame(fmt::format("Process64 {} ({})",
                                            clean_text(machine_.text(process.comm)), process.pid)));
    return known = tree_.add(above, frame(fmt::format("Thread ({}) ({})",
                                                      machine_.processes.thread(context.thread).tid,
                                                      clean_text(machine_.text(context.comm)))));
  }

  uint32_t node_of(const machine::Sample& sample) {
    const uint32_t id = stacks_.intern(sample.context.value, sample.stack);
    if (id == nodes_.size()) {
      uint32_t node = thread_node(sample.context);
      const auto stack = read_stack(machine_, sample.stack, what_.inlined, buffer_);
      for (size_t i = stack.size(); i-- > 0;) node = tree_.add(node, frame_of(stack[i].function));
      nodes_.push_back(node);
    }
    if (!kinds_.are_several) return nodes_[id];
    return tree_.add(nodes_[id], kind_frame(sample.kind));
  }

  uint32_t kind_frame(machine::KindId id) {
    if (id.value >= kind_frames_.size()) kind_frames_.resize(id.value + 1);
    uint32_t& known = kind_frames_[id.value];
    if (known != 0) return known;
    const bool is_known = id && id.value <= machine_.kinds().size();
    return known = frame("Event " +
                         (is_known ? clean_text(machine_.text(machine_.kind(id).name)) : "sample"));
  }

  void write_frames() {
    write_(fmt::format("<Frames Count=\"{}\">\n", names_.size()));
    std::string line;
    for (uint32_t id = 1; id <= names_.size(); ++id) {
      line = fmt::format("<Frame ID=\"{}\">", id - 1);
      append_xml(line, names_.text({id}));
      write_(line += "</Frame>\n");
    }
    write_("</Frames>\n");
  }

  void write_stacks() {
    write_(fmt::format("<Stacks Count=\"{}\">\n", tree_.size()));
    for (uint32_t node = 1; node <= tree_.size(); ++node) {
      const auto [parent, frame] = tree_[node];
      write_(fmt::format("<Stack ID=\"{}\" CallerID=\"{}\" FrameID=\"{}\"/>\n", node - 1,
                         int64_t{parent} - 1, frame - 1));
    }
    write_("</Stacks>\n");
  }

  bool write_samples() {
    write_(fmt::format("<Samples Count=\"{}\">\n", count_));
    uint64_t done = 0;
    bool goes_on = true;
    for_each_in_time(what_.selection, [&](const machine::Sample& sample, uint64_t) {
      if (!goes_on) return;
      std::string line = fmt::format("<Sample ID=\"{}\" Time=\"{:.6f}\" StackID=\"{}\"", done,
                                     double(sample.time) / 1e6, node_of(sample) - 1);
      const double value = what_.weight_of(sample);
      if (value != 1) line += " Metric=\"" + machine::text_of_number(value) + "\"";
      write_(line += "/>\n");
      if (++done % 65536 == 0 && what_.progress)
        goes_on = what_.progress(double(done) / double(count_));
    });
    write_("</Samples>\n");
    return goes_on;
  }

  const Export& what_;
  machine::Machine& machine_;
  Write write_;
  uint64_t count_ = 0;
  Kinds kinds_;
  base::Interner names_;
  StackTree tree_;
  std::vector<uint32_t> frames_;       ///< by FunctionId
  std::vector<uint32_t> threads_;      ///< by ContextId
  std::vector<uint32_t> kind_frames_;  ///< by KindId
  machine::PairTable stacks_;          ///< context and stack
  std::vector<uint32_t> nodes_;        ///< by that
  std::vector<FrameText> buffer_;
};

base::Status given_up() { return base::make_error(base::Code::kUsage, "the export was given up"); }

base::Status write_xml(const Export& what, Output& out) {
  PerfViewExport xml(what, [&](std::string_view text) { out.write(text); });
  if (!xml.run()) return given_up();
  return {};
}

base::Status write_zip(const Export& what, Output& out) {
  ZipEntry entry(out, "stacks.PerfView.xml");
  PerfViewExport xml(what, [&](std::string_view text) { entry.write(text); });
  if (!xml.run()) return given_up();
  return entry.finish();
}

Holds holds() {
  Holds holds;
  holds.lines = false;
  return holds;
}

}  // namespace

Exporter perfview_exporter() {
  return {"perfview", "stacks for PerfView, as XML", kPerfviewExtensions, holds(), write_xml};
}

Exporter perfview_zip_exporter() {
  Holds zipped = holds();
  zipped.is_binary = true;
  return {"perfview-zip", "the same in an archive", kZipExtensions, zipped, write_zip};
}

}  // namespace oc::format
