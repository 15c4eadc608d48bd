#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

/// FUZZ_TARGET(name, data, size) { … return 0; } is what libFuzzer calls, in a program of its own; in the replay program,
/// which holds all of them, one of those that it knows by name.
namespace oc::fuzz {

using Target = int (*)(const uint8_t* data, size_t size);

/// One is made of each target before main; they live as long as the program.
class Known {
 public:
  Known(std::string_view name, Target target) : name_(name), target_(target), next_(first_) {
    first_ = this;
  }
  /// Null: there is none of that name.
  static Target find(std::string_view name) {
    for (const Known* known = first_; known != nullptr; known = known->next_)
      if (known->name_ == name) return known->target_;
    return nullptr;
  }

 private:
  inline static const Known* first_ = nullptr;
  std::string_view name_;
  Target target_;
  const Known* next_;
};

/// Ends the program where a parser broke its word.
inline void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace oc::fuzz

#ifdef OC_REPLAY
#define FUZZ_TARGET(name, data, size)                           \
  static int run_##name(const uint8_t*, size_t);                \
  static const oc::fuzz::Known known_##name(#name, run_##name); \
  static int run_##name(const uint8_t* data, [[maybe_unused]] size_t size)
#else
#define FUZZ_TARGET(name, data, size) \
  extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size)
#endif
