#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace oc::test {

/// The folder of traces that others recorded: $OC_CORPUS, or ../shared/corpus beside the sources.
/// Empty when there is none: the test then says with WARN that it is skipped.
inline std::filesystem::path corpus(const char* folder) {
  std::filesystem::path root;
  if (const char* given = std::getenv("OC_CORPUS"); given != nullptr && *given != 0) {
    root = given;
  } else if (const char* source = std::getenv("OC_SOURCE_ROOT"); source != nullptr) {
    root = std::filesystem::path(source) / ".." / "shared" / "corpus";
  }
  std::error_code ignored;
  return std::filesystem::is_directory(root / folder, ignored) ? root / folder
                                                               : std::filesystem::path();
}

inline std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// Every readable file called `format` below `root`.
inline std::vector<std::filesystem::path> format_files(const std::filesystem::path& root) {
  std::vector<std::filesystem::path> paths;
  std::error_code error;
  std::filesystem::recursive_directory_iterator at(root, error);
  for (; !error && at != std::filesystem::recursive_directory_iterator(); at.increment(error)) {
    if (at->path().filename() == "format") paths.push_back(at->path());
  }
  return paths;
}

}  // namespace oc::test
