// Runs a fuzz target without a fuzzer: on every file of a seed folder, on the empty input, and on a
// few thousand mutations of the seeds that are the same in every run. Usage: TARGET FOLDER
// [MUTATIONS]

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using Input = std::vector<uint8_t>;

std::vector<Input> read_seeds(const char* folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<Input> seeds;
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    seeds.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return seeds;
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
    switch (below(7)) {
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
      default:
        splice(input, at, seeds[below(seeds.size())]);
        break;
    }
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
void run(const Input& input) {
  Input exact(input);
  exact.shrink_to_fit();
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s FOLDER [MUTATIONS]\n", argv[0]);
    return 2;
  }
  const std::vector<Input> seeds = read_seeds(argv[1]);
  const long mutations = argc > 2 ? std::strtol(argv[2], nullptr, 10) : 5000;
  if (seeds.empty()) {
    std::fprintf(stderr, "%s: no seeds\n", argv[1]);
    return 1;
  }
  run({});
  for (const Input& seed : seeds) run(seed);
  Mutator mutator;
  for (long i = 0; i < mutations; ++i) run(mutator.mutate(seeds));
  std::printf("%zu seeds and %ld mutations replayed\n", seeds.size(), mutations);
  return 0;
}
