#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/result.h"

namespace oc::tar {

enum class Packing : uint8_t { kNone, kZstd, kGzip, kXz };

/// By the end of a file's name: ".tar", ".tar.zst", ".tar.gz", ".tar.xz" and their short forms. Nothing: it has none of these.
std::optional<Packing> find_packing(const std::string& path);

/// Writes a tar archive, one regular file after another. The same files make the same bytes: there are no owners and no
/// times in it but those that are given. One thread.
class Writer {
 public:
  /// Takes the archive's bytes as they come; an error of it ends the writing and is what `add` or `finish` return.
  using Sink = std::function<base::Status(std::span<const uint8_t>)>;

  static base::Result<std::unique_ptr<Writer>> make(Packing packing, Sink sink);
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  /// `seconds`: when it was changed, since 1970. The name is relative.
  base::Status add(const std::string& name, std::span<const uint8_t> bytes, int64_t seconds);
  /// Without it the archive is not whole.
  base::Status finish();

 private:
  struct State;
  explicit Writer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace oc::tar
