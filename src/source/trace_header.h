#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/byte_order.h"
#include "base/id.h"
#include "base/result.h"
#include "event/event_table.h"
#include "source/feature.h"

namespace oc::source {

constexpr size_t kBuildIdBytes = 20;  ///< at most

/// Which build of a file was mapped, as the recorder found it out.
struct BuildId {
  std::vector<uint8_t> id;  ///< 1 to kBuildIdBytes
  std::string path;         ///< "[kernel.kallsyms]" and the like for what is no file
  int32_t pid = -1;         ///< -1: of the kernel, or of any process
  bool is_kernel = false;   ///< of the kernel or a module, not of a process
};

/// What a recorded trace says of itself, apart from its records. Passive data.
struct TraceFacts {
  std::string host;
  std::string kernel;
  std::string arch;
  std::string perf_version;
  std::string cpu;
  std::vector<std::string> command;
  uint32_t cpus_online = 0;
  uint32_t cpus_available = 0;
  uint64_t memory_bytes = 0;
  base::Nanos first_sample = 0;  ///< 0 when the file does not say
  base::Nanos last_sample = 0;
  /// Wall clock (ns since 1970) less the trace's clock at one moment; 0 when the file does not say.
  int64_t wall_offset = 0;
  std::vector<BuildId> build_ids;
};

/// More events than any recorder asks for.
constexpr uint64_t kMaxAttrs = 1u << 14;

/// The header of a trace, gathered from a file's sections or from the records at a stream's beginning.
///
///     add_attr …, add_feature …, name_event …   → finish → events(), facts()
///
/// Owns all that it tells. Nothing changes after `finish`.
class TraceHeader {
 public:
  explicit TraceHeader(std::string path) : path_(std::move(path)) {}

  /// Of all bytes that are added from now on.
  void set_order(base::ByteOrder order) { order_ = order; }
  base::ByteOrder order() const { return order_; }

  void add_attr(const perf_event_attr& attr, std::vector<uint64_t> ids);
  /// The body of user record 64 (ATTR): an attr, then its ids. False when that is not what it holds.
  bool add_attr_record(std::span<const uint8_t> body);
  /// Whether `add_feature` makes use of this section.
  static bool wants(int number);
  void add_feature(int number, std::span<const uint8_t> bytes);
  /// Keeps a section as it is, for a trace made of this one; every one that `add_feature` gets is kept, too, but for the
  /// largest.
  void keep_feature(int number, std::span<const uint8_t> bytes);
  /// Records of the BUILD_ID section, or one of a stream (67), headers included.
  void add_build_ids(std::span<const uint8_t> bytes);
  /// The event with this id is called so.
  void name_event(uint64_t id, std::string name);
  void add_note(std::string note) { notes_.push_back(std::move(note)); }
  /// Makes the table of events. Errors: there are none. `may_grow`: more of them may be described later.
  base::Status finish(bool may_grow = false);

  const event::EventTable& events() const { return events_; }
  const TraceFacts& facts() const { return facts_; }
  /// What errors and notes call the trace.
  const std::string& path() const { return path_; }
  /// Damage met so far: sentences for the user.
  const std::vector<std::string>& notes() const { return notes_; }
  size_t attr_count() const { return attrs_.size(); }
  /// Sections as they are stored, by number, in the byte order of the trace; none of tracing data and build ids.
  const std::map<int, std::vector<uint8_t>>& features() const { return features_; }
  /// The blob of feature 1; its byte order is told in it.
  std::span<const uint8_t> tracing_data() const { return tracing_data_; }

 private:
  using Attr = std::pair<perf_event_attr, std::vector<uint64_t>>;

  void add_command(std::span<const uint8_t> bytes);
  void add_times(std::span<const uint8_t> bytes);
  void add_clock(std::span<const uint8_t> bytes);
  void add_simpleperf_meta(std::span<const uint8_t> bytes);
  void add_event_names(std::span<const uint8_t> bytes);
  std::string stored_name(size_t index) const;

  std::string path_;
  base::ByteOrder order_ = base::ByteOrder::kHost;
  std::vector<Attr> attrs_;
  std::vector<uint8_t> tracing_data_;
  std::map<int, std::vector<uint8_t>> features_;
  std::map<uint64_t, uint32_t> name_places_;  ///< by id: index in names_by_place_
  std::vector<std::string> names_by_place_;
  std::map<uint64_t, std::string> updated_names_;
  std::map<uint64_t, std::string> tracepoint_names_;  ///< by config, as simpleperf stores them
  event::EventTable events_;
  TraceFacts facts_;
  std::vector<std::string> notes_;
};

}  // namespace oc::source
