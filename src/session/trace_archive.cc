#include "session/trace_archive.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

#include "base/mapping.h"
#include "elf/debug_data.h"
#include "source/trace_output.h"
#include "symbol/build_id_path.h"
#include "symbol/jit_files.h"
#include "symbol/line_index.h"
#include "sys/files.h"
#include "tar/reader.h"
#include "tar/writer.h"

namespace oc::session {

using base::Code;
using base::make_error;
using base::Status;
using process::Module;
using process::ModuleId;
using process::ModuleKind;

namespace {

constexpr size_t kMostText = size_t{256} << 20;

std::span<const uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

std::string in_build_ids(std::span<const uint8_t> id, const char* name) {
  return symbol::build_id_path("", id).substr(1) + "/" + name;
}

/// Whether the trace may keep its name: no file of ours has it, and it can be unpacked.
bool may_name_trace(const std::string& name) {
  constexpr std::array kOurs{".lock",       ".build-id", "root",     "dumps",
                             "missing.txt", "modules",   "kallsyms", "vdso"};
  return tar::find_name_problem(name).empty() &&
         std::find(kOurs.begin(), kOurs.end(), name) == kOurs.end() &&
         !(name.starts_with("perf-") && name.ends_with(".map"));
}

/// One archive in the making: what goes in, and what is told of it.
class Packing {
 public:
  Packing(tar::Writer& writer, int64_t seconds, const StackTables& tables, FrameNames& names)
      : writer_(writer),
        seconds_(seconds),
        tables_(tables),
        names_(names),
        files_(tables.modules, names.places()) {}

  Status add_trace(const std::string& name, const base::Mapping& trace) {
    return add(name, may_name_trace(name) ? name : "perf.data", trace.bytes());
  }
  Status add_module(ModuleId id);
  Status finish();

  std::vector<Archived> archived;

 private:
  Status add(const std::string& what, const std::string& name, std::span<const uint8_t> bytes);
  void leave_out(const std::string& what, const std::string& reason) {
    archived.push_back({what, "", 0, reason});
  }
  Status add_file(ModuleId id, const Module& module, const std::string& path);
  Status add_debug(const symbol::ModuleFile& found, const Module& module, const std::string& path);
  Status add_package(const symbol::ModuleFile& found, const std::string& path);
  Status add_kernel(const Module& module);
  Status add_process(int32_t pid);

  tar::Writer& writer_;
  int64_t seconds_;
  const StackTables& tables_;
  FrameNames& names_;
  symbol::ModuleFiles files_;  ///< of its own: bytes that nobody decompressed
  std::set<std::string> stored_;
  std::set<int32_t> processes_;
  bool has_kernel_ = false;
};

/// A second file of a name is the same one where the name is by build id; else it cannot be told from the first.
Status Packing::add(const std::string& what, const std::string& name,
                    std::span<const uint8_t> bytes) {
  if (const auto problem = tar::find_name_problem(name); !problem.empty()) {
    leave_out(what, problem);
    return {};
  }
  if (!stored_.insert(name).second) {
    if (!name.starts_with(".build-id/"))
      leave_out(what, "another file of that name is in the archive");
    return {};
  }
  archived.push_back({what, name, bytes.size(), ""});
  return writer_.add(name, bytes, seconds_);
}

Status Packing::add_module(ModuleId id) {
  const Module& module = tables_.modules.find(id);
  const std::string path(tables_.modules.path(id));
  switch (module.kind) {
    case ModuleKind::kFile:
    case ModuleKind::kVdso:
      return add_file(id, module, path);
    case ModuleKind::kKernel:
    case ModuleKind::kKernelModule:
      return add_kernel(tables_.modules.find(tables_.kernel().module));
    case ModuleKind::kMemory:
      return add_process(module.pid);
    case ModuleKind::kBpf:
    case ModuleKind::kNone:
      break;
  }
  return {};
}

Status Packing::add_file(ModuleId id, const Module& module, const std::string& path) {
  const bool is_vdso = module.kind == ModuleKind::kVdso;
  // Anonymous memory of odd names: /memfd:…, /SYSV…, //anon: no file is behind it, or it is told of as such.
  const symbol::ModuleFile& found = files_.load(id);
  if (found.file) {
    const auto own = module.build_id.view();
    std::string name = is_vdso ? "vdso" : "root" + path;
    if (own.size() >= 2) name = in_build_ids(own, is_vdso ? "vdso" : "elf");
    if (auto added = add(path, name, found.file->bytes()); !added) return added;
  } else {
    leave_out(path, found.reason);
  }
  if (auto added = add_debug(found, module, path); !added) return added;
  return add_package(found, path);
}

/// The .dwp file of a program whose units are in two halves. Its .dwo files would be any number, anywhere.
Status Packing::add_package(const symbol::ModuleFile& found, const std::string& path) {
  elf::File* const file = found.debug ? found.debug.get() : found.file.get();
  if (file == nullptr || !symbol::LineIndex::has_lines(*file)) return {};
  const auto id = file->build_id();
  for (const std::string& package : found.split.packages) {
    const auto bytes = base::Mapping::open(package);
    if (!bytes) continue;
    const bool has_id = id.size() >= 2;
    return add(package, has_id ? in_build_ids(id, "dwp") : "root" + path + ".dwp", bytes->bytes());
  }
  // This reads the file, and so comes when its bytes have been stored.
  if (symbol::LineIndex(*file, nullptr).split_units() != 0)
    leave_out(path + ": its .dwo files",
              "only a .dwp file is archived: llvm-dwp -e PROGRAM -o PROGRAM.dwp makes one");
  return {};
}

Status Packing::add_debug(const symbol::ModuleFile& found, const Module& module,
                          const std::string& path) {
  if (found.debug) {
    const std::vector<uint8_t> own = found.file ? found.file->build_id() : std::vector<uint8_t>();
    const auto id = own.size() >= 2 ? std::span<const uint8_t>(own) : module.build_id.view();
    const auto link = found.file ? found.file->debug_link() : std::nullopt;
    std::string name;
    if (id.size() >= 2) {
      name = in_build_ids(id, "debug");
    } else if (link) {
      name = "root" + std::filesystem::path(path).parent_path().string() + "/.debug/" + link->name;
    }
    if (!name.empty()) {
      if (auto added = add(found.debug->name(), name, found.debug->bytes()); !added) return added;
    }
  }
  if (!found.alt) return {};
  const auto id = found.alt->build_id();
  if (id.size() < 2) return {};
  return add(found.alt->name(), in_build_ids(id, "debug"), found.alt->bytes());
}

/// The text that its names were read from: of the running kernel, where it is the trace's, or of an archive.
Status Packing::add_kernel(const Module& module) {
  if (has_kernel_) return {};
  has_kernel_ = true;
  const char* const what = "[kernel.kallsyms]";
  const auto facts = names_.describe(tables_.kernel().module);
  if (!facts.reason.empty() || facts.symbols == 0) {
    leave_out(what, facts.reason.empty() ? "it has no names" : facts.reason);
    return {};
  }
  const std::string path = facts.origin.substr(0, facts.origin.find(','));
  const auto id = module.build_id.view();
  const bool is_image = !path.ends_with("kallsyms") && path.find("/System.map") == path.npos;
  std::string text = sys::read_text(path, is_image ? size_t{2} << 30 : kMostText);
  if (text.empty()) {
    leave_out(what, "cannot read " + path);
    return {};
  }
  if (is_image && id.size() < 2) {
    leave_out(what, "the trace does not tell the kernel's build id");
    return {};
  }
  const std::string name =
      id.size() < 2 ? "kallsyms" : in_build_ids(id, is_image ? "vmlinux" : "kallsyms");
  if (auto added = add(what, name, bytes_of(text)); !added) return added;
  if (!path.starts_with("/proc/")) return {};
  const std::string modules = sys::read_text("/proc/modules", kMostText);
  return modules.empty() ? Status() : add("/proc/modules", "modules", bytes_of(modules));
}

Status Packing::add_process(int32_t pid) {
  if (!processes_.insert(pid).second) return {};
  const auto found =
      symbol::find_jit_files(names_.places(), pid, symbol::find_dumps(tables_.modules, pid));
  const std::string what = fmt::format("compiled code of process {}", pid);
  if (found.map) {
    if (auto added = add(what, fmt::format("perf-{}.map", pid), *found.map); !added) return added;
  }
  for (size_t i = 0; i < found.dumps.size(); ++i) {
    const std::string& path = found.dump_paths[i];
    const std::string name = fmt::format("dumps/{}{}", pid, path.substr(path.rfind('/')));
    if (auto added = add(path, name, found.dumps[i]); !added) return added;
  }
  for (const std::string& path : found.missing) leave_out(path, "it cannot be read");
  if (!found.map && found.dumps.empty() && found.missing.empty())
    leave_out(what, fmt::format("there is no /tmp/perf-{}.map", pid));
  return {};
}

Status Packing::finish() {
  std::string missing;
  for (const Archived& one : archived) {
    if (!one.name.empty()) continue;
    std::string line = fmt::format("{}: {}", one.what, one.reason);
    std::replace_if(
        line.begin(), line.end(), [](unsigned char c) { return c < ' '; }, '?');
    missing += line + "\n";
  }
  if (missing.empty()) return {};
  return writer_.add("missing.txt", bytes_of(missing), seconds_);
}

/// No archive in an archive, and nothing that cannot be read twice.
base::Result<base::Mapping> map_trace(const std::string& path) {
  if (tar::may_be_archive(path)) {
    return make_error(Code::kUnsupported, path + " is an archive, or packed, already",
                      "its trace is its first file: tar xf takes it out");
  }
  auto mapping = base::Mapping::open(path);
  if (!mapping) {
    return std::move(mapping.error()).context("cannot archive what is no file");
  }
  return mapping;
}

Status check_output(const ArchiveOptions& options) {
  struct stat info {};
  const bool is_there = options.output != "-" && stat(options.output.c_str(), &info) == 0;
  if (is_there && S_ISREG(info.st_mode) && !options.replaces) {
    return make_error(Code::kUsage, options.output + " is there already",
                      "--force replaces it; -o names another one");
  }
  return {};
}

}  // namespace

base::Result<std::vector<Archived>> write_archive(const ArchiveOptions& options,
                                                  const StackTables& tables, FrameNames& names,
                                                  const std::vector<ModuleId>& modules,
                                                  const std::function<bool()>& is_asked_to_stop) {
  const auto packing =
      options.output == "-" ? tar::Packing::kZstd : tar::find_packing(options.output);
  if (!packing) {
    return make_error(Code::kUsage, options.output + " is not the name of an archive",
                      "name it .tar.zst, .tar.gz, .tar.xz or .tar");
  }
  if (auto status = check_output(options); !status) return std::move(status.error());
  auto trace = map_trace(options.trace);
  if (!trace) return std::move(trace.error());
  struct stat info {};
  stat(options.trace.c_str(), &info);
  auto output = source::TraceOutput::open(options.output);
  if (!output) return std::move(output.error());
  const auto sink = [&](std::span<const uint8_t> bytes) -> Status {
    if (is_asked_to_stop()) return make_error(Code::kUsage, "interrupted: nothing was archived");
    return output->write(bytes);
  };
  std::vector<Archived> archived;
  const auto write = [&]() -> Status {
    auto writer = tar::Writer::make(*packing, sink);
    if (!writer) return std::move(writer.error());
    Packing content(**writer, info.st_mtime, tables, names);
    const size_t slash = options.trace.rfind('/');
    auto status = content.add_trace(
        slash == options.trace.npos ? options.trace : options.trace.substr(slash + 1), *trace);
    for (size_t i = 0; status && i < modules.size(); ++i) status = content.add_module(modules[i]);
    if (status) status = content.finish();
    if (status) status = (*writer)->finish();
    archived = std::move(content.archived);
    return status;
  };
  auto status = write();
  if (!status) {
    output->discard();
    return std::move(status.error());
  }
  if (auto named = output->finish(); !named) return std::move(named.error());
  return archived;
}

}  // namespace oc::session
