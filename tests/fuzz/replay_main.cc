// Runs a fuzz target without a fuzzer: on every file of the seed folders, on the empty input, and on a
// few thousand mutations of the seeds that are the same in every run. Folders that are no absolute paths are
// of the shared corpus, whose small files are seeds too, where there is one. Usage: replay TARGET MUTATIONS FOLDER…;
// OC_FUZZ_MUTATIONS=10000 asks for more of them: OC_FUZZ_MUTATIONS=10000 ./dev asan fuzz_perf_data

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

#include "fuzz/target.h"
#include "support/corpus.h"

namespace {

using Input = std::vector<uint8_t>;

constexpr uint64_t kSmallBytes = 32 * 1024;  // mutations of larger ones say little for their time

void add_seeds(const std::filesystem::path& folder, std::vector<Input>& seeds) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.is_regular_file() && entry.file_size() <= kSmallBytes) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    seeds.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
}

/// Damages inputs in the ways that parsers meet. The library's distributions differ between
/// standard libraries, so only the generator's own numbers are used.
class Mutator {
 public:
  Input mutate(const std::vector<Input>& seeds) {
    Input input = seeds[below(seeds.size())];
    for (size_t edits = 1 + below(6); edits > 0; --edits) edit(input, seeds);
    return input;
  }

 private:
  size_t below(size_t limit) { return limit == 0 ? 0 : random_() % limit; }

  void edit(Input& input, const std::vector<Input>& seeds) {
    constexpr uint8_t kBytes[] = {0,   1,   0x7f, 0x80, 0xff, '0', '9',  ';',  ':', '[',
                                  ']', '(', ')',  '"',  '%',  '*', '\\', '\n', ' ', ','};
    const size_t at = below(input.size());
    const size_t length = below(std::min<size_t>(input.size() - at, 64) + 1);
    const auto begin = input.begin() + static_cast<std::ptrdiff_t>(at);
    const auto end = begin + static_cast<std::ptrdiff_t>(length);
    switch (below(9)) {
      case 0:
        if (!input.empty()) *begin ^= static_cast<uint8_t>(1u << below(8));
        break;
      case 1:
        if (!input.empty()) *begin = kBytes[below(std::size(kBytes))];
        break;
      case 2:
        input.insert(begin, kBytes[below(std::size(kBytes))]);
        break;
      case 3:
        input.erase(begin, end);
        break;
      case 4:
        std::fill(begin, end, kBytes[below(std::size(kBytes))]);
        break;
      case 5:
        input.resize(at);
        break;
      case 6:
      case 7:
        word(input, at);
        break;
      default:
        splice(input, at, seeds[below(seeds.size())]);
        break;
    }
  }

  /// A number of 2, 4 or 8 bytes where binary formats keep theirs.
  void word(Input& input, size_t at) {
    constexpr uint64_t kWords[] = {0,          1,          7,          8,          16,
                                   0x7fff,     0xffff,     0x10000,    0x7fffffff, 0xffffffff,
                                   1ull << 32, 1ull << 61, 1ull << 63, ~0ull - 7,  ~0ull};
    const size_t size = size_t{2} << below(3);
    at -= at % size;
    if (at + size > input.size()) return;
    const uint64_t value = below(3) == 0 ? below(4096) : kWords[below(std::size(kWords))];
    for (size_t i = 0; i < size; ++i) input[at + i] = static_cast<uint8_t>(value >> (8 * i));
  }

  void splice(Input& input, size_t at, const Input& other) {
    const size_t from = below(other.size());
    const size_t length = below(std::min<size_t>(other.size() - from, 256) + 1);
    const auto begin = other.begin() + static_cast<std::ptrdiff_t>(from);
    const Input piece(begin, begin + static_cast<std::ptrdiff_t>(length));
    input.insert(input.begin() + static_cast<std::ptrdiff_t>(at), piece.begin(), piece.end());
  }

  std::mt19937 random_{20240229};
};

/// A copy in an allocation of its exact size, so that ASan sees a read past the end.
void run(oc::fuzz::Target target, const Input& input) {
  Input exact(input);
  exact.shrink_to_fit();
  target(exact.data(), exact.size());
}

}  // namespace

int main(int argc, char** argv) {
  const oc::fuzz::Target target = argc < 4 ? nullptr : oc::fuzz::Known::find(argv[1]);
  if (target == nullptr) {
    std::fprintf(stderr, "usage: %s TARGET MUTATIONS FOLDER...\n", argv[0]);
    return 2;
  }
  std::vector<Input> seeds;
  for (int i = 3; i < argc; ++i) {
    const bool is_own = argv[i][0] == '/' || std::filesystem::exists(argv[i]);
    const std::filesystem::path folder = is_own ? argv[i] : oc::test::corpus(argv[i]);
    if (folder.empty()) std::printf("no corpus folder %s (set OC_CORPUS)\n", argv[i]);
    if (!folder.empty()) add_seeds(folder, seeds);
  }
  const char* const asked = std::getenv("OC_FUZZ_MUTATIONS");  // more than the suite has time for
  const long mutations = std::strtol(asked != nullptr ? asked : argv[2], nullptr, 10);
  if (seeds.empty()) {
    std::fprintf(stderr, "%s: no seeds\n", argv[1]);
    return 1;
  }
  run(target, {});
  for (const Input& seed : seeds) run(target, seed);
  Mutator mutator;
  for (long i = 0; i < mutations; ++i) run(target, mutator.mutate(seeds));
  std::printf("%zu seeds and %ld mutations replayed\n", seeds.size(), mutations);
  return 0;
}
