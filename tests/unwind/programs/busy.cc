// What unwinders meet in C++: recursion, virtual calls, library callbacks, frames of variable size, realigned frames,
// calls through the PLT, a signal handler, threads. Runs for argv[1] rounds.
#include <alloca.h>
#include <signal.h>
#include <sys/time.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

volatile uint64_t sink;

uint64_t spin(uint64_t n) {
  uint64_t value = n;
  for (uint64_t i = 0; i < n; ++i) value = value * 6364136223846793005ull + i;
  return value;
}

struct Shape {
  virtual ~Shape() = default;
  virtual uint64_t area(int depth) const = 0;
};
struct Leaf final : Shape {
  uint64_t area(int depth) const override { return spin(20 + static_cast<uint64_t>(depth)); }
};
struct Node final : Shape {
  std::vector<std::unique_ptr<Shape>> parts;
  uint64_t area(int depth) const override {
    uint64_t sum = 0;
    for (const auto& part : parts) sum += part->area(depth + 1);
    return sum + spin(5);
  }
};

std::unique_ptr<Shape> make_tree(int depth) {
  if (depth == 0) return std::make_unique<Leaf>();
  auto node = std::make_unique<Node>();
  for (int i = 0; i < 3; ++i) node->parts.push_back(make_tree(depth - 1));
  return node;
}

int compare(const void* a, const void* b) {
  sink = spin(3);
  return *static_cast<const int*>(a) - *static_cast<const int*>(b);
}

/// A frame whose size is only known at run time: its CFA is rbp + n even without frame pointers.
__attribute__((noinline)) uint64_t variable(size_t size) {
  auto* bytes = static_cast<char*>(alloca(size));
  std::memset(bytes, 1, size);
  return spin(size) + static_cast<uint64_t>(bytes[size / 2]);
}

/// A frame that realigns the stack: its CFA is an expression, or rbp + n.
struct alignas(64) Wide {
  uint64_t words[16];
};
__attribute__((noinline)) uint64_t realigned(uint64_t n, size_t size) {
  volatile Wide wide;
  for (uint64_t i = 0; i < 16; ++i) wide.words[i] = n * i;
  return spin(n) + wide.words[n % 16] + variable(size);
}

/// Many short calls into libraries.
uint64_t library_calls(int rounds) {
  uint64_t sum = 0;
  char text[64];
  for (int i = 0; i < rounds; ++i) {
    std::snprintf(text, sizeof text, "%d:%s", i, "text");
    sum += std::strlen(text) + std::strtoul(text, nullptr, 10) + static_cast<uint64_t>(std::rand());
    std::map<std::string, int> words;
    for (const char* word : {"one", "two", "three", "four"}) words[word] = i;
    sum += words.size();
  }
  return sum;
}

void on_timer(int) { sink = spin(3000); }

uint64_t deep(int depth, const std::function<uint64_t(int)>& body) {
  if (depth == 0) return body(depth);
  return deep(depth - 1, body) + spin(2);
}

void work(int rounds) {
  const auto tree = make_tree(6);
  std::vector<int> numbers(2000);
  for (int round = 0; round < rounds; ++round) {
    sink = tree->area(0);
    for (auto& number : numbers) number = std::rand() % 1000;
    std::qsort(numbers.data(), numbers.size(), sizeof numbers[0], compare);
    std::sort(numbers.begin(), numbers.end(), [](int a, int b) { return spin(2) != 0 && a > b; });
    for (size_t size = 16; size < 1000; size += 16) sink = realigned(size % 16 + 5, size);
    sink = library_calls(300);
    sink = deep(40, [](int) { return spin(20000); });
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 20;
  struct sigaction action {};
  action.sa_handler = on_timer;
  action.sa_flags = SA_RESTART;
  sigaction(SIGALRM, &action, nullptr);
  itimerval timer{{0, 2000}, {0, 2000}};
  setitimer(ITIMER_REAL, &timer, nullptr);
  std::thread other(work, rounds);
  work(rounds);
  other.join();
}
