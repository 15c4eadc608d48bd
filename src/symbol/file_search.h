#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "elf/file.h"
#include "process/module_table.h"
#include "symbol/debuginfod.h"
#include "symbol/module_files.h"
#include "sys/file_identity.h"

namespace oc::symbol {

/// The look-up of one module's files: opens candidates in order, and notes why each was refused.
class FileSearch {
 public:
  FileSearch(const Places& places, const process::Module& module, std::string path);

  /// The program or library itself. `kept` may be empty. On failure null, and `reason` says why.
  std::unique_ptr<elf::File> find_file(int kept);
  /// Its separate debug file, by build id and by debug link; null: none of `tried`.
  std::unique_ptr<elf::File> find_debug(elf::File& file);
  /// The same by the trace's build id alone: the file is not there.
  std::unique_ptr<elf::File> find_debug_by_id(std::span<const uint8_t> id);
  /// What dwz took out of `file`, which may be a debug file.
  std::unique_ptr<elf::File> find_alt(elf::File& file);

  std::string reason;
  std::vector<std::string> tried;
  bool is_verified = false;

 private:
  using Found = std::unique_ptr<elf::File>;
  Found open(const std::string& path, std::string* problem);
  Found open(int fd, const std::string& path, std::string* problem);
  Found open_deleted() const;
  Found take(Found file);
  bool agrees(const elf::File& file);
  bool is_replaced(const std::string& name);
  Found find_vdso();
  Found find_local_debug(elf::File& file);
  Found find_in_archives(std::span<const uint8_t> id, const char* name);
  Found check_debug(const std::string& path, const elf::File& file, const elf::DebugLink* link);
  Found ask_servers(std::span<const uint8_t> id, Debuginfod::Kind kind);
  void refuse(const std::string& why);

  const Places& places_;
  const process::Module& module_;
  std::string path_;
  std::optional<sys::FileIdentity> opened_;  ///< of the last file that was opened
};

}  // namespace oc::symbol
