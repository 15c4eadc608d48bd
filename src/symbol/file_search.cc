#include "symbol/file_search.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/open_regular.h"
#include "elf/debug_data.h"
#include "symbol/build_id_path.h"
#include "symbol/vdso.h"
#include "sys/files.h"
#include "sys/process_view.h"

namespace oc::symbol {
namespace {

using process::ModuleKind;

constexpr std::string_view kDeleted = " (deleted)";

std::unique_ptr<elf::File> owned(base::Result<elf::File> file, std::string* problem) {
  if (file) return std::make_unique<elf::File>(std::move(*file));
  if (problem != nullptr) *problem = file.error().what;
  return nullptr;
}

std::string folder_of(const std::string& path) {
  return std::filesystem::path(path).parent_path().string();
}

bool same_id(std::span<const uint8_t> a, std::span<const uint8_t> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

/// "cannot open /a/b: No such file" as a place and what is wrong with it.
std::string place_first(std::string_view problem) {
  constexpr std::string_view kVerb = "cannot open ";
  if (problem.starts_with(kVerb)) problem.remove_prefix(kVerb.size());
  return std::string(problem);
}

bool is_path(const std::string& path) { return path.starts_with('/') && !path.starts_with("//"); }

}  // namespace

FileSearch::FileSearch(const Places& places, const process::Module& module, std::string path)
    : places_(places), module_(module), path_(std::move(path)) {}

void FileSearch::refuse(const std::string& why) { reason += (reason.empty() ? "" : "; ") + why; }

FileSearch::Found FileSearch::open(int fd, const std::string& path, std::string* problem) {
  opened_ = sys::load_file_identity(fd);
  return owned(elf::File::open(fd, path), problem);
}

/// As the process that mapped it sees it, else as this one does.
FileSearch::Found FileSearch::open(const std::string& path, std::string* problem) {
  if (places_.root.empty() && places_.is_this_machine && module_.pid > 0 &&
      places_.proc == "/proc") {
    const auto fd = sys::open_as_seen_by(module_.pid, path);
    if (fd) {
      if (auto file = open(fd->number(), path, problem)) return file;
    }
  }
  const std::string here = places_.root + path;
  const auto fd = base::open_regular(path, places_.root);
  if (fd) return open(fd->number(), here, problem);
  if (problem != nullptr) {
    *problem =
        places_.archive.empty() ? fd.error().what : places_.archive + " does not hold " + path;
  }
  return nullptr;
}

/// A file that was deleted while a living process runs it, by the link of one of its mappings.
FileSearch::Found FileSearch::open_deleted() const {
  if (!places_.is_this_machine || module_.pid <= 0) return nullptr;
  const std::string folder = fmt::format("{}/{}/", places_.proc, module_.pid);
  const std::string maps = sys::read_text(folder + "maps", size_t{64} << 20);
  const std::string wanted = path_ + std::string(kDeleted) + "\n";
  const size_t end = maps.find(wanted);
  if (end == maps.npos) return nullptr;
  const size_t line = end == 0 ? 0 : maps.rfind('\n', end - 1) + 1;
  const std::string range = maps.substr(line, maps.find(' ', line) - line);
  return owned(elf::File::open(folder + "map_files/" + range), nullptr);
}

bool FileSearch::agrees(const elf::File& file) {
  if (!module_.build_id) return true;
  const process::BuildId own{file.build_id()};
  if (own == module_.build_id) {
    is_verified = true;
    return true;
  }
  const auto own_text = own ? "has the build id " + build_id_text(own.view()) : "has no build id";
  refuse(fmt::format("{} {}, the trace's is {}: it has been replaced", file.name(), own_text,
                     build_id_text(module_.build_id.view())));
  return false;
}

FileSearch::Found FileSearch::take(Found file) {
  return file && agrees(*file) ? std::move(file) : nullptr;
}

/// Without build ids, another inode on the same device is another file, and so is an inode that was used again, or that has
/// other contents than somebody saw when it was mapped.
bool FileSearch::is_replaced(const std::string& name) {
  if (!places_.root.empty()) return false;  // a copy of it
  if (module_.build_id || module_.inode == 0 || !opened_) return false;
  const bool is_same_device = opened_->device == module_.device;
  if (is_same_device && opened_->inode != module_.inode) {
    refuse(fmt::format("{} has inode {}, in the trace it was {}: it has been replaced", name,
                       opened_->inode, module_.inode));
    return true;
  }
  if (is_same_device &&
      !opened_->is_mapped_as(module_.device, module_.inode, module_.inode_generation)) {
    refuse(fmt::format(
        "{} has the inode of the trace's, of another generation: it has been replaced", name));
    return true;
  }
  if (module_.contents == 0 || opened_->contents == module_.contents) return false;
  refuse(name + " has been written to since it was mapped");
  return true;
}

FileSearch::Found FileSearch::find_vdso() {
  if (places_.is_this_machine) {
    if (auto image = load_own_vdso()) {
      if (auto file = take(std::move(image))) return file;
    } else {
      refuse("this process has no vDSO");
    }
  }
  if (!module_.build_id && !places_.archive.empty()) {
    if (auto file = owned(elf::File::open(places_.archives.front() + "/vdso"), nullptr))
      return file;
  }
  if (!module_.build_id) return nullptr;
  if (auto file = find_in_archives(module_.build_id.view(), "vdso")) return file;
  refuse("no archive holds this vDSO");
  return nullptr;
}

/// DIR/.build-id/xx/yyy is a folder with the file `name` in it (perf since 4.10, and ours), or the file itself.
FileSearch::Found FileSearch::find_in_archives(std::span<const uint8_t> id, const char* name) {
  if (id.size() < 2) return nullptr;
  for (const std::string& archive : places_.archives) {
    const std::string place = build_id_path(archive, id);
    for (const std::string& path : {place + "/" + name, place}) {
      auto file = owned(elf::File::open(path), nullptr);
      if (!file) continue;
      const auto own = file->build_id();
      if (same_id(std::span(own).first(std::min(own.size(), id.size())), id)) {
        is_verified = true;
        return file;
      }
      refuse(path + " has another build id");
    }
  }
  return nullptr;
}

/// What is asked last, and only where the user allows it: servers, by build id.
FileSearch::Found FileSearch::ask_servers(std::span<const uint8_t> id, Debuginfod::Kind kind) {
  if (places_.debuginfod == nullptr || id.size() < 2) return nullptr;
  std::string problem;
  auto file = places_.debuginfod->find(id, kind, problem);
  if (file) return file;
  if (kind == Debuginfod::Kind::kProgram) {
    refuse(problem);
  } else {
    tried.push_back(problem);  // a server's words
  }
  return nullptr;
}

FileSearch::Found FileSearch::find_file(int kept) {
  if (module_.kind == ModuleKind::kVdso) return find_vdso();
  if (path_.ends_with(kDeleted)) path_.resize(path_.size() - kDeleted.size());
  if (kept >= 0) {
    std::string problem;
    auto file = open(kept, path_, &problem);
    if (!file) refuse(problem);
    if (file && is_replaced(path_)) file = nullptr;
    if ((file = take(std::move(file)))) return file;
  }
  if (!is_path(path_)) {
    refuse(path_.empty() ? "the trace does not name it" : path_ + " is no file");
    return nullptr;
  }
  if (module_.contents == process::Module::kGone) {
    refuse(path_ + " was changed after it had been mapped, before anybody looked at it");
    return nullptr;
  }
  std::string problem;
  auto file = open(path_, &problem);
  if (!file) refuse(problem);
  if (file && is_replaced(file->name())) file = nullptr;
  if ((file = take(std::move(file)))) return file;
  if ((file = take(open_deleted()))) return file;
  if (!module_.build_id) return nullptr;
  if ((file = find_in_archives(module_.build_id.view(), "elf"))) return file;
  file = ask_servers(module_.build_id.view(), Debuginfod::Kind::kProgram);
  if (file) is_verified = true;
  return file;
}

/// Whether what lies at `path` belongs to `file`: by the build ids of both, or by the link's checksum.
FileSearch::Found FileSearch::check_debug(const std::string& path, const elf::File& file,
                                          const elf::DebugLink* link) {
  std::string problem;
  auto debug = open(path, &problem);
  if (!debug) {
    tried.push_back(place_first(problem));
    return nullptr;
  }
  const auto own = debug->build_id(), wanted = file.build_id();
  if (!own.empty() && !wanted.empty()) {
    if (own == wanted && debug->bytes().data() != file.bytes().data()) return debug;
    tried.push_back(path + " has another build id: " + build_id_text(own));
    return nullptr;
  }
  if (link != nullptr && elf::debug_checksum(debug->bytes()) == link->checksum) return debug;
  tried.push_back(path + (link != nullptr ? " has another checksum" : " has no build id"));
  return nullptr;
}

FileSearch::Found FileSearch::find_debug(elf::File& file) {
  if (auto debug = find_local_debug(file)) return debug;
  const auto* const own = file.find_section(".debug_info");
  if (own != nullptr && own->type != SHT_NOBITS) return nullptr;  // a server has no more
  return ask_servers(file.build_id(), Debuginfod::Kind::kDebug);
}

FileSearch::Found FileSearch::find_local_debug(elf::File& file) {
  const auto id = file.build_id();
  if (id.size() >= 2) {
    for (const std::string& folder : places_.debug_folders) {
      if (auto debug = check_debug(build_id_path(folder, id) + ".debug", file, nullptr))
        return debug;
    }
    if (auto debug = find_in_archives(id, "debug")) return debug;
  }
  const auto link = file.debug_link();
  if (!link || link->name.find('/') != link->name.npos || !is_path(path_)) return nullptr;
  const std::string folder = folder_of(path_);
  std::vector<std::string> candidates{folder + "/" + link->name, folder + "/.debug/" + link->name};
  for (const std::string& debug : places_.debug_folders)
    candidates.push_back(debug + folder + "/" + link->name);
  for (const std::string& path : candidates) {
    if (path == path_) {
      tried.push_back(path + " is the file itself");
    } else if (auto debug = check_debug(path, file, &*link)) {
      return debug;
    }
  }
  return nullptr;
}

FileSearch::Found FileSearch::find_debug_by_id(std::span<const uint8_t> id) {
  if (id.size() < 2) return nullptr;
  for (const std::string& folder : places_.debug_folders) {
    std::string problem;
    const std::string path = build_id_path(folder, id) + ".debug";
    auto debug = open(path, &problem);
    if (debug && same_id(debug->build_id(), id)) return debug;
    tried.push_back(debug ? path + " has another build id" : place_first(problem));
  }
  if (auto debug = find_in_archives(id, "debug")) return debug;
  return ask_servers(id, Debuginfod::Kind::kDebug);
}

FileSearch::Found FileSearch::find_alt(elf::File& file) {
  const auto link = elf::find_debug_alt_link(file);
  if (!link) return nullptr;
  std::vector<std::string> candidates;
  if (link->build_id.size() >= 2) {
    for (const std::string& folder : places_.debug_folders)
      candidates.push_back(build_id_path(folder, link->build_id) + ".debug");
  }
  if (auto alt = find_in_archives(link->build_id, "debug")) return alt;
  const bool is_absolute = link->name.starts_with('/');
  candidates.insert(candidates.begin(),
                    is_absolute ? link->name : folder_of(file.name()) + "/" + link->name);
  for (const std::string& path : candidates) {
    std::string problem;
    auto alt = open(path, &problem);
    if (alt && same_id(alt->build_id(), link->build_id)) return alt;
    tried.push_back(alt ? path + " has another build id than .gnu_debugaltlink says"
                        : place_first(problem));
  }
  return ask_servers(link->build_id, Debuginfod::Kind::kDebug);
}

}  // namespace oc::symbol
