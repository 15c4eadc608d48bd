#pragma once

#include <linux/perf_event.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "event/event_table.h"
#include "perf/attr_builder.h"
#include "perf/cpu_rings.h"
#include "perf/event_opener.h"
#include "perf/live_request.h"
#include "perf/opened_events.h"

namespace oc::perf {

/// Where the kinds of a run are to be opened: those that trace, and where else only names are heard.
struct Places {
  std::vector<Place> traced;
  std::vector<Place> heard;  ///< of the dummy that hears names of threads that are not traced
};

/// All kinds of a live run, opened place by place, and the rings that they share.
///
///     kinds    the requested events, in their order | dummy:sideband | dummy:data | dummy:names
///     rings    each CPU: sideband (of the first sideband or names dummy there), data (of the first
///              data dummy there); every other descriptor is redirected into the ring of its CPU
///
/// dummy:names is there only where `Places::heard` is. Its records are for the process model: the
/// script is not told of threads that it did not ask for. One thread.
class EventSet {
 public:
  EventSet(const LiveRequest& request, const AttrBasis& basis, bool hears_names);

  /// Opens everything at `places`: the dummies first, so that no thread starts unheard. The first
  /// call also maps the rings. Events of a glob that the kernel refuses are left out with a note.
  /// Error: nothing more is opened; what is open already stays.
  base::Status open(EventOpener& opener, const Places& places, const sys::Permissions& permissions,
                    const std::string& own_filter, std::vector<std::string>& notes);

  /// Descriptors at each traced place.
  size_t kinds_per_place() const { return kinds_.size() - (hears_names_ ? 1 : 0); }
  bool has_rings() const { return rings_.streams() != 0; }

  /// The kinds with all their ids; call once, after the last `open`.
  void fill(event::EventTable& table) const;

  /// One more kind, the next of the table, not open. Requires: `fill`.
  void add(const EventRequest& request, event::EventTable& table);
  /// Opens a kind that is not open while the others run, and leaves it off; the table learns its ids.
  base::Status open_late(EventOpener& opener, size_t kind, const EventRequest& request,
                         const std::vector<Place>& places, const std::string& own_filter,
                         std::vector<std::string>& notes, event::EventTable& table);
  /// Opens one more dummy, the next of the table, and leaves it off; its number.
  base::Result<size_t> open_dummy_late(EventOpener& opener, const perf_event_attr& attr,
                                       bool is_of_data, const std::vector<Place>& places,
                                       event::EventTable& table);
  /// Of what is opened while others run: switched on by whoever opens it, not by a command's exec.
  AttrBasis late_basis() const;
  size_t size() const { return kinds_.size(); }
  const EventRequest& request(size_t kind) const { return kinds_[kind].request; }
  bool tells_names(size_t kind) const {
    return kind == sideband_ || (hears_names_ && kind == names_) || kinds_[kind].is_sideband;
  }

  /// What of the filter of event `index` the kernel took; empty for nothing.
  const std::string& filter(size_t index) const { return kinds_[index].filter; }

  OpenedEvents& opened() { return opened_; }
  const OpenedEvents& opened() const { return opened_; }
  CpuRings& rings() { return rings_; }
  const CpuRings& rings() const { return rings_; }
  /// Descriptors that tell when a ring fills: a ring wakes all that write into it, and those whose
  /// thread has ended are not asked any more.
  const std::vector<OpenEvent>& data_dummies() const { return opened_.kind(data_); }
  const std::vector<OpenEvent>& sideband_dummies() const { return opened_.kind(sideband_); }
  const std::vector<RingOwner>& sideband_owners() const { return sideband_owners_; }
  bool hears_names() const { return hears_names_; }
  size_t names_kind() const { return names_; }

 private:
  struct Kind {
    EventRequest request;
    perf_event_attr attr{};
    std::string name;
    bool is_left_out = false;
    std::string filter;        ///< what of the request's the kernel took
    bool is_sideband = false;  ///< a dummy that came later
  };

  void learn_ids(size_t kind, event::EventTable& table) const;
  Kind make_late(const EventRequest& request) const;
  base::Status open_dummies(EventOpener& opener, const Places& places);
  base::Status open_dummy(EventOpener& opener, size_t kind, const std::vector<Place>& places);
  base::Status map(const sys::Permissions& permissions, std::vector<std::string>& notes);
  base::Status open_event(EventOpener& opener, size_t kind, const std::vector<Place>& places,
                          const std::string& own_filter, std::vector<std::string>& notes);
  base::Result<std::vector<OpenEvent>> open_grouped(EventOpener& opener, size_t number,
                                                    const std::vector<Place>& places,
                                                    std::vector<std::string>& notes);
  size_t leader_of(size_t kind) const;
  base::Status set_filter(Kind& kind, const std::vector<OpenEvent>& events,
                          const std::string& own_filter, std::vector<std::string>& notes) const;

  const LiveRequest& request_;
  AttrBasis basis_;
  std::vector<Kind> kinds_;
  size_t sideband_ = 0;
  size_t data_ = 0;
  size_t names_ = 0;
  bool hears_names_ = false;
  bool has_opened_ = false;
  OpenedEvents opened_;
  CpuRings rings_;
  std::vector<RingOwner> sideband_owners_;
  std::vector<RingOwner> data_owners_;
};

}  // namespace oc::perf
