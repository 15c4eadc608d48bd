#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace oc::test {

/// Small libraries with a function `entry` and one `tiny::work(int)` that has inlined calls: seeds of the fuzzers.
inline std::filesystem::path fixture(const std::string& name) {
  const char* const root = std::getenv("OC_SOURCE_ROOT");
  return std::filesystem::path(root != nullptr ? root : ".") / "tests/fuzz/corpus" / name;
}

/// A folder that goes with the object.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = std::filesystem::temp_directory_path() / "oc_symbol_XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code problem;
    std::filesystem::remove_all(path_, problem);
  }

  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }
  /// A copy of a fixture; folders on the way are made.
  void put(const std::string& from, const std::string& name) const {
    make_parent(name);
    std::filesystem::copy_file(fixture(from), path_ + "/" + name,
                               std::filesystem::copy_options::overwrite_existing);
  }
  void write(const std::string& name, const std::string& text) const {
    make_parent(name);
    std::ofstream(path_ + "/" + name, std::ios::binary) << text;
  }

 private:
  void make_parent(const std::string& name) const {
    std::filesystem::create_directories(std::filesystem::path(path_ + "/" + name).parent_path());
  }
  std::string path_;
};

}  // namespace oc::test
