#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "event/event_table.h"
#include "source/feature_writer.h"
#include "source/record.h"
#include "source/source.h"

namespace oc::session {

/// What a recording knows of the records that it passed on: how many of each event, from when to when, what was
/// lost, which files code was mapped from. Reads each record's header, id and time: a load or two of bytes that
/// are copied anyway. One thread.
class RecordTally {
 public:
  explicit RecordTally(const event::EventTable& events);

  void add(const source::Span& span);

  /// Adds the numbers of another one over the same events; not its build ids.
  void merge(const RecordTally& other);

  uint64_t samples() const;
  uint64_t records() const { return records_; }
  /// By kind of the event table.
  const std::vector<uint64_t>& samples_by_event() const { return by_event_; }
  base::Nanos first() const { return first_ == UINT64_MAX ? 0 : first_; }
  base::Nanos last() const { return last_; }
  /// As LOST and LOST_SAMPLES records tell, by stream.
  const std::map<uint32_t, uint64_t>& lost_by_stream() const { return lost_; }
  /// Of MMAP2 records that carry one, each file once.
  const std::vector<source::BuildId>& build_ids() const { return build_ids_; }
  void add_build_id(source::BuildId entry);

 private:
  void add_other(const uint8_t* record, const source::RecordHeader& header, uint32_t stream);
  void add_mapping(const uint8_t* record, const source::RecordHeader& header);

  source::RecordClock clock_;
  uint64_t records_ = 0;
  uint64_t unknown_ = 0;
  std::vector<uint64_t> by_event_;
  base::Nanos first_ = UINT64_MAX;
  base::Nanos last_ = 0;
  std::map<uint32_t, uint64_t> lost_;
  std::vector<source::BuildId> build_ids_;
  std::set<std::string> known_ids_;
};

}  // namespace oc::session
