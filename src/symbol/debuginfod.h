#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>

#include "elf/file.h"

namespace oc::symbol {

/// Files that servers hand out by build id, through elfutils' own client: its servers ($DEBUGINFOD_URLS), its cache, its
/// settings. The library is loaded by the first question: it brings along an HTTP client.
///
/// A question ends when the user asks for the end, after $DEBUGINFOD_MAXTIME seconds (300 where nobody set it) or
/// $DEBUGINFOD_MAXSIZE bytes (2 GiB). When no server answers, nobody is asked again. Any thread; one question at a time.
class Debuginfod {
 public:
  using StopAsked = std::function<bool()>;
  explicit Debuginfod(StopAsked is_asked_to_stop);
  ~Debuginfod();

  enum class Kind : uint8_t { kProgram, kDebug };
  /// The file with this build id, opened and checked; null: `problem` says why not.
  std::unique_ptr<elf::File> find(std::span<const uint8_t> id, Kind kind, std::string& problem);

 private:
  struct Client;
  base::Status prepare();

  StopAsked is_asked_to_stop_;
  std::mutex mutex_;
  std::unique_ptr<Client> client_;
  std::string closed_;  ///< why nobody is asked any more
};

}  // namespace oc::symbol
