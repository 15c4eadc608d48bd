#include "perf/code_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/auxv.h>

#include <algorithm>
#include <cstdlib>

#include "base/clock.h"
#include "base/wall_clock.h"
#include "elf/build_id.h"
#include "sys/process_view.h"

namespace oc::perf {

using base::Fd;
using base::Nanos;
using sys::FileIdentity;

namespace {

constexpr Nanos kFresh = 100'000'000;
constexpr size_t kMostFailures = 1 << 14;  // that are kept count of
constexpr Nanos kTick = 10'000'000;        // times of files are those of the kernel's last tick
constexpr size_t kMostVersions = 64;       // of one inode

/// The vDSO of this process, which is that of all others of its word size.
std::vector<uint8_t> vdso_build_id() {
  const auto* image = reinterpret_cast<const uint8_t*>(getauxval(AT_SYSINFO_EHDR));
  if (image == nullptr) return {};
  return elf::find_build_id({image, 4096});
}

/// A 32-bit process has another vDSO than this one. Nobody tells its build id, and a trace has one of that name.
bool is_other_vdso(const MapsLine& mapping) {
  constexpr uint64_t kEndOf32Bits = uint64_t{1} << 32;
  return sizeof(void*) == 8 && mapping.end <= kEndOf32Bits;
}

uint64_t device_of(const MapsLine& mapping) {
  return uint64_t{mapping.major} << 32 | mapping.minor;
}

}  // namespace

/// The same moment is always the same time, as long as nobody sets the clock: times are compared with each other.
Nanos CodeFiles::wall_time_of(Nanos monotonic) const {
  constexpr int64_t kWasSet = 1'000'000;
  const int64_t offset = base::wall_clock_offset();
  if (std::abs(offset - clock_offset_) > kWasSet) clock_offset_ = offset;
  return monotonic + static_cast<Nanos>(clock_offset_);
}

void CodeFiles::add_kernel(std::string name, std::vector<uint8_t> build_id) {
  MappedFile file;
  file.path = std::move(name);
  file.build_id = std::move(build_id);
  file.is_kernel = true;
  files_.push_back(std::move(file));
}

const MappedFile* CodeFiles::find_vdso(const MapsLine& mapping) {
  if (is_other_vdso(mapping)) return nullptr;
  if (vdso_ == kNone) {
    vdso_ = files_.size();
    MappedFile& file = files_.emplace_back();
    file.path = mapping.path;
    file.build_id = vdso_build_id();
  }
  return &files_[vdso_];
}

/// The mapped file itself, even when its name means another one by now (only root may); else the file of that name in
/// the process's root, or, when the process is gone, in ours, if it is the one that was mapped.
CodeFiles::Found CodeFiles::open_mapped(int32_t pid, const MapsLine& mapping) const {
  constexpr int kHow = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  Found found;
  const auto take = [&](Fd fd) {
    const uint64_t device = device_of(mapping);
    const auto identity = fd ? sys::load_file_identity(fd.number(), device) : std::nullopt;
    if (!identity || !identity->is_mapped_as(device, mapping.inode, mapping.generation))
      return false;
    found.identity = *identity;
    found.fd = std::move(fd);
    return true;
  };
  const std::string link =
      fmt::format("{}/{}/map_files/{:x}-{:x}", proc_, pid, mapping.start, mapping.end);
  found.is_mapped = take(Fd(open(link.c_str(), kHow)));
  if (found.is_mapped) return found;
  const std::string path(mapping.path);
  if (proc_ == "/proc") {
    auto seen = sys::open_as_seen_by(pid, path);
    if (seen && take(std::move(*seen))) return found;
  }
  take(Fd(open(path.c_str(), kHow)));
  return found;
}

/// The version that it is now; made when it is another one than before.
CodeFiles::Version& CodeFiles::look_at(int fd, const FileIdentity& identity,
                                       const MapsLine& mapping) {
  auto& versions = versions_[{device_of(mapping), mapping.inode}];
  const auto is_same = [&](const Version& version) {
    return version.identity.generation == identity.generation &&
           version.identity.contents == identity.contents;
  };
  if (!versions.empty() && is_same(versions.back()) &&
      versions.back().identity.changed == identity.changed)
    return versions.back();
  auto build_id = elf::load_build_id(fd);
  // Renamed, linked, or of other rights only; or a copy of the same with its time.
  if (!versions.empty() && is_same(versions.back()) &&
      files_[versions.back().index].build_id == build_id) {
    versions.back().identity = identity;
    return versions.back();
  }
  if (versions.size() >= kMostVersions) versions.erase(versions.begin());
  Version& version = versions.emplace_back();
  version.identity = identity;
  version.since = identity.changed;
  version.index = files_.size();
  MappedFile& file = files_.emplace_back();
  file.path = mapping.path;
  file.build_id = std::move(build_id);
  file.generation = identity.generation != 0 ? identity.generation : mapping.generation;
  file.contents = identity.contents;
  return version;
}

const std::vector<CodeFiles::Version>* CodeFiles::versions_of(const MapsLine& mapping) const {
  const auto found = versions_.find({device_of(mapping), mapping.inode});
  return found == versions_.end() ? nullptr : &found->second;
}

/// What it was then, without another look: it was seen so afterwards, and had not been changed in between.
const MappedFile* CodeFiles::find_certain(const MapsLine& mapping, Nanos mapped) const {
  const auto* const versions = versions_of(mapping);
  if (versions == nullptr || mapped == 0) return nullptr;
  const MappedFile* found = nullptr;
  for (size_t i = 0; i < versions->size(); ++i) {
    const Version& version = (*versions)[i];
    // Two files in turn: subvolumes of btrfs share their device, and may share inodes.
    if (i != 0 && version.since + kTick < (*versions)[i - 1].seen) return nullptr;
    const MappedFile& file = files_[version.index];
    const bool is_same =
        file.generation == mapping.generation || file.generation == 0 || mapping.generation == 0;
    if (is_same && version.since <= mapped && mapped <= version.seen) found = &file;
  }
  return found;
}

/// Nobody can open it any more: what was seen of it last, if it was mapped since it is so. An inode that is still the same one,
/// of a program whose process has gone, in a mount namespace that is not ours, is taken for unchanged.
const MappedFile* CodeFiles::find_unseen(const MapsLine& mapping, Nanos mapped) {
  const auto* const versions = versions_of(mapping);
  if (versions == nullptr) return nullptr;
  if (const auto* const certain = find_certain(mapping, mapped)) return certain;
  for (auto version = versions->rbegin(); version != versions->rend(); ++version) {
    const MappedFile& file = files_[version->index];
    const bool is_told = file.generation != 0 && mapping.generation != 0;
    if (is_told && file.generation != mapping.generation) continue;
    const bool is_since = version->since <= mapped && is_told;
    return mapped == 0 || is_since ? &file : find_gone(mapping);
  }
  return nullptr;
}

/// What was looked at just now is as it was: a list of what runs names the same libraries for each process.
const MappedFile* CodeFiles::find_fresh(const MapsLine& mapping) const {
  const auto* const versions = versions_of(mapping);
  if (versions == nullptr) return nullptr;
  const Version& version = versions->back();
  const bool is_fresh = base::now_of(CLOCK_REALTIME) - version.seen < kFresh;
  return is_fresh ? &files_[version.index] : nullptr;
}

const MappedFile* CodeFiles::find_gone(const MapsLine& mapping) {
  gone_ = {};
  gone_.path = mapping.path;
  gone_.generation = mapping.generation;
  gone_.contents = MappedFile::kGone;
  return &gone_;
}

/// Of what could not be opened: the first time, the second, the fourth …
bool CodeFiles::may_try(const Key& key) {
  if (failures_.size() >= kMostFailures) failures_.clear();
  Failures& failures = failures_[key];
  if (++failures.asked < failures.next) return false;
  failures.next *= 2;
  return true;
}

/// Whether the file is now as it was when it was mapped. A program that runs cannot be written to, so a change was one of its
/// names or rights; of one that has ended the time of modification is believed where the inode is surely the same.
bool CodeFiles::was_so(const std::vector<Version>& versions, const Found& found,
                       const MapsLine& mapping, Nanos mapped) {
  if (mapped == 0 || versions.back().since <= mapped) return true;
  const bool is_same_inode =
      found.is_mapped || (found.identity.generation != 0 && mapping.generation != 0);
  if (!is_same_inode || found.identity.written > mapped) return false;
  return versions.size() == 1 || versions[versions.size() - 2].seen < mapped;
}

/// The half of what was looked at. A file that is mapped once more is read once more.
void CodeFiles::forget_oldest() {
  std::vector<Nanos> times;
  for (const auto& [key, versions] : versions_) {
    for (const Version& version : versions) times.push_back(version.seen);
  }
  if (times.empty()) return;
  const auto middle = times.begin() + static_cast<ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  const Nanos oldest = *middle;
  std::vector<MappedFile> files;
  const auto move = [&](size_t index) {
    files.push_back(std::move(files_[index]));
    return files.size() - 1;
  };
  for (size_t i = 0; i < files_.size(); ++i) {
    if (files_[i].is_kernel) move(i);
  }
  if (vdso_ != kNone) vdso_ = move(vdso_);
  for (auto entry = versions_.begin(); entry != versions_.end();) {
    auto& versions = entry->second;
    std::erase_if(versions, [&](const Version& version) { return version.seen < oldest; });
    for (Version& version : versions) version.index = move(version.index);
    entry = versions.empty() ? versions_.erase(entry) : std::next(entry);
  }
  files_ = std::move(files);
}

const MappedFile* CodeFiles::find_known(const MapsLine& mapping, Nanos mapped_at) const {
  return mapped_at == 0 ? find_fresh(mapping) : find_certain(mapping, wall_time_of(mapped_at));
}

const MappedFile* CodeFiles::find(int32_t pid, const MapsLine& mapping, Nanos mapped_at,
                                  Fd* opened) {
  if (mapping.path == "[vdso]") return find_vdso(mapping);
  if (!mapping.path.starts_with('/') || mapping.inode == 0) return nullptr;
  const Key key{device_of(mapping), mapping.inode};
  if (files_.size() >= most_) forget_oldest();
  if (opened == nullptr) {
    if (const auto* const known = find_known(mapping, mapped_at)) return known;
  }
  const Nanos mapped = mapped_at == 0 ? 0 : wall_time_of(mapped_at);
  if (failures_.count(key) != 0 && !may_try(key)) return find_unseen(mapping, mapped);
  const Nanos looked = base::now_of(CLOCK_REALTIME);
  Found found = open_mapped(pid, mapping);
  if (!found.fd) {
    if (const auto* const known = find_unseen(mapping, mapped)) return known;
    may_try(key);
    return nullptr;
  }
  failures_.erase(key);
  Version& now = look_at(found.fd.number(), found.identity, mapping);
  now.seen = looked;
  if (was_so(versions_[key], found, mapping, mapped)) {
    if (mapped != 0) now.since = std::min(now.since, mapped);
    if (opened != nullptr) *opened = std::move(found.fd);
    return &files_[now.index];
  }
  // It was changed since: what it was then, if it was seen so afterwards.
  const auto* const known = find_certain(mapping, mapped);
  return known != nullptr ? known : find_gone(mapping);
}

}  // namespace oc::perf
