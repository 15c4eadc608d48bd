#include "perf/event_set.h"

#include <errno.h>

#include <algorithm>
#include <utility>

#include "perf/refusals.h"

namespace oc::perf {

using base::Code;

namespace {
constexpr size_t kLongestFilter = 4096;  // PAGE_SIZE where it is smallest, kernel/events/core.c
}  // namespace

namespace {

EventRequest dummy(const char* name) {
  EventRequest request;
  request.name = name;
  request.type = PERF_TYPE_SOFTWARE;
  request.config = PERF_COUNT_SW_DUMMY;
  return request;
}

/// The first descriptor on each CPU that has none yet owns that CPU's ring.
void add_owners(const std::vector<OpenEvent>& events, std::vector<RingOwner>& owners) {
  for (const OpenEvent& event : events) {
    const bool is_owned = std::any_of(owners.begin(), owners.end(), [&](const RingOwner& owner) {
      return owner.cpu == event.cpu;
    });
    if (!is_owned) owners.push_back({event.fd.number(), event.cpu});
  }
}

/// The same CPUs first, in the same order: ring i of one kind and of the other are of one CPU.
void order_like(const std::vector<RingOwner>& data, std::vector<RingOwner>& sideband) {
  const auto rank = [&](const RingOwner& owner) {
    return std::find_if(data.begin(), data.end(),
                        [&](const RingOwner& other) { return other.cpu == owner.cpu; }) -
           data.begin();
  };
  std::stable_sort(sideband.begin(), sideband.end(),
                   [&](const RingOwner& a, const RingOwner& b) { return rank(a) < rank(b); });
}

/// On which of the places this event is opened: a unit that is one for several CPUs has one of them.
std::vector<Place> places_of(const EventRequest& request, const std::vector<Place>& places) {
  if (request.cpus.empty()) return places;
  std::vector<Place> own;
  for (const Place& place : places) {
    const bool is_own = std::count(request.cpus.begin(), request.cpus.end(), place.cpu) != 0;
    if (is_own) own.push_back(place);
  }
  return own;
}

}  // namespace

EventSet::EventSet(const LiveRequest& request, const AttrBasis& basis, bool hears_names)
    : request_(request), basis_(basis), hears_names_(hears_names) {
  for (const EventRequest& event : request.events)
    kinds_.push_back(
        {event, make_event_attr(event, basis), event.name, !event.is_wanted, {}, false});
  sideband_ = kinds_.size();
  data_ = sideband_ + 1;
  names_ = data_ + 1;
  kinds_.push_back({dummy("dummy:sideband"),
                    make_sideband_attr(request, basis),
                    "dummy:sideband",
                    false,
                    {},
                    false});
  kinds_.push_back(
      {dummy("dummy:data"), make_data_attr(request, basis), "dummy:data", false, {}, false});
  if (hears_names) {
    LiveRequest plain;
    plain.events = request.events;
    kinds_.push_back(
        {dummy("dummy:names"), make_sideband_attr(plain, basis), "dummy:names", false, {}, false});
  }
  // Heard from the moment they are open: they tell who starts while the others are attached to.
  for (const size_t kind : {sideband_, names_}) {
    const bool hears = kind < kinds_.size() && request.target.has_tasks();
    if (hears) kinds_[kind].attr.disabled = 0;
  }
  opened_.set_kinds(kinds_.size());
}

base::Status EventSet::open(EventOpener& opener, const Places& places,
                            const sys::Permissions& permissions, const std::string& own_filter,
                            std::vector<std::string>& notes) {
  base::Status status = open_dummies(opener, places);
  if (status && !has_rings()) status = map(permissions, notes);
  bool has_any = std::none_of(request_.events.begin(), request_.events.end(),
                              [](const EventRequest& event) { return event.is_wanted; });
  Refusals refusals;
  for (size_t i = 0; i < request_.events.size() && status; ++i) {
    if (kinds_[i].is_left_out) continue;
    base::Status opened = open_event(opener, i, places.traced, own_filter, notes);
    if (opened) {
      has_any = true;
      continue;
    }
    const bool may_go_on =
        kinds_[i].request.is_optional || opened.error().code == Code::kPermission;
    if (!may_go_on || has_opened_ || opened.error().sys_errno == ESRCH) {
      status = std::move(opened);
      break;
    }
    kinds_[i].is_left_out = true;
    refusals.add(kinds_[i].name, kinds_[i].request.is_optional, std::move(opened.error()));
  }
  if (!status) return status;
  refusals.append_notes(notes);
  status = refusals.status();
  if (status && !has_any) return refusals.first();
  if (status) has_opened_ = true;
  return status;
}

base::Status EventSet::open_dummies(EventOpener& opener, const Places& places) {
  if (!places.heard.empty()) {
    if (auto status = open_dummy(opener, names_, places.heard); !status) return status;
  }
  if (auto status = open_dummy(opener, sideband_, places.traced); !status) return status;
  return open_dummy(opener, data_, places.traced);
}

base::Status EventSet::open_dummy(EventOpener& opener, size_t number,
                                  const std::vector<Place>& places) {
  Kind& kind = kinds_[number];
  auto events = opener.open(kind.request, places, nullptr, kind.attr, kind.name);
  if (!events) return std::move(events.error());
  base::Status status;
  if (has_rings())
    status = OpenedEvents::redirect(*events, number == data_ ? data_owners_ : sideband_owners_);
  if (status) opened_.add(number, std::move(*events));
  return status;
}

base::Status EventSet::map(const sys::Permissions& permissions, std::vector<std::string>& notes) {
  sideband_owners_.clear();
  data_owners_.clear();
  add_owners(opened_.kind(sideband_), sideband_owners_);
  if (hears_names_) add_owners(opened_.kind(names_), sideband_owners_);
  add_owners(opened_.kind(data_), data_owners_);
  order_like(data_owners_, sideband_owners_);
  if (data_owners_.size() > sideband_owners_.size()) {
    return base::make_error(base::Code::kSystem, "a CPU went offline while events were opened",
                            "try again");
  }
  base::Status status =
      rings_.map(sideband_owners_, data_owners_, request_.buffer_bytes, permissions, notes);
  // Several on one CPU (of several cgroups): all but the owner write into its ring.
  if (status) status = OpenedEvents::redirect(opened_.kind(sideband_), sideband_owners_);
  if (status) status = OpenedEvents::redirect(opened_.kind(data_), data_owners_);
  if (status && hears_names_)
    status = OpenedEvents::redirect(opened_.kind(names_), sideband_owners_);
  return status;
}

size_t EventSet::leader_of(size_t kind) const {
  while (kind > 0 && !kinds_[kind].request.is_leader) --kind;
  return kind;
}

/// Opens a kind, in its group if it has one; a weak group's event that does not fit stands alone.
base::Result<std::vector<OpenEvent>> EventSet::open_grouped(EventOpener& opener, size_t number,
                                                            const std::vector<Place>& places,
                                                            std::vector<std::string>& notes) {
  Kind& kind = kinds_[number];
  const bool is_member = kind.request.group != 0 && !kind.request.is_leader;
  if (!is_member) return opener.open(kind.request, places, nullptr, kind.attr, kind.name);
  const auto& leader = opened_.kind(leader_of(number));
  auto events = opener.open(kind.request, places, &leader, kind.attr, kind.name);
  if (events || !kind.request.modifiers.weak || has_opened_) return events;
  notes.push_back("'" + kind.name + "' does not fit into its group, so it is counted alone");
  kind.request.group = 0;
  kind.attr.disabled = kinds_[sideband_ + 1].attr.disabled;
  kind.attr.enable_on_exec = kinds_[sideband_ + 1].attr.enable_on_exec;
  return opener.open(kind.request, places, nullptr, kind.attr, kind.name);
}

base::Status EventSet::open_event(EventOpener& opener, size_t number,
                                  const std::vector<Place>& places, const std::string& own_filter,
                                  std::vector<std::string>& notes) {
  Kind& kind = kinds_[number];
  const auto own_places = places_of(kind.request, places);
  if (own_places.empty()) return {};  // its unit is on none of these CPUs
  auto events = open_grouped(opener, number, own_places, notes);
  if (!events) return std::move(events.error());
  base::Status status = OpenedEvents::redirect(*events, data_owners_);
  if (status && kind.attr.type == PERF_TYPE_TRACEPOINT)
    status = set_filter(kind, *events, kind.request.keep_own ? "" : own_filter, notes);
  opened_.add(number, std::move(*events));
  if (!status) return std::move(status.error()).context("cannot open event '" + kind.name + "'");
  return {};
}

/// Our own threads are left out, and what the request's filter says: in one text, as a second one is
/// refused. When the kernel does not take the latter (its language grew over time), only the former.
base::Status EventSet::set_filter(Kind& kind, const std::vector<OpenEvent>& events,
                                  const std::string& own_filter,
                                  std::vector<std::string>& notes) const {
  const EventRequest& request = kind.request;
  const bool tries = !request.filter.empty() && (!has_opened_ || !kind.filter.empty());
  if (tries) {
    const std::string both = join_filters(own_filter, request.filter);
    base::Status status = both.size() < kLongestFilter
                              ? OpenedEvents::filter(events, both)
                              : base::make_error(Code::kUnsupported, "it is too long");
    if (status) {
      kind.filter = request.filter;
      return status;
    }
    if (request_.is_recorded)
      return std::move(status.error()).context("cannot filter while recording");
    kind.filter.clear();
    notes.push_back("the kernel does not filter '" + request.name +
                    "', so all of its events are read: " + status.error().what);
  }
  return own_filter.empty() ? base::Status() : OpenedEvents::filter(events, own_filter);
}

AttrBasis EventSet::late_basis() const {
  AttrBasis basis = basis_;
  basis.follows_command = basis.starts_paused = false;
  return basis;
}

EventSet::Kind EventSet::make_late(const EventRequest& request) const {
  return {request, make_event_attr(request, late_basis()), request.name, false, request.filter,
          false};
}

void EventSet::add(const EventRequest& request, event::EventTable& table) {
  kinds_.push_back(make_late(request));
  opened_.set_kinds(kinds_.size());
  table.add({request.name, kinds_.back().attr, {}, request.format}, {});
  table.finish();
}

base::Status EventSet::open_late(EventOpener& opener, size_t number, const EventRequest& request,
                                 const std::vector<Place>& places, const std::string& own_filter,
                                 std::vector<std::string>& notes, event::EventTable& table) {
  kinds_[number] = make_late(request);
  if (auto status = open_event(opener, number, places, own_filter, notes); !status) {
    opened_.take(number);
    return status;
  }
  learn_ids(number, table);
  return {};
}

void EventSet::learn_ids(size_t number, event::EventTable& table) const {
  std::vector<uint64_t> ids;
  for (const OpenEvent& event : opened_.kind(number)) ids.push_back(event.id);
  table.add_ids(static_cast<uint32_t>(number), ids);
  table.finish();
}

base::Result<size_t> EventSet::open_dummy_late(EventOpener& opener, const perf_event_attr& attr,
                                               bool is_of_data, const std::vector<Place>& places,
                                               event::EventTable& table) {
  const std::string name = is_of_data ? "dummy:switches" : "dummy:records";
  Kind kind{dummy(name.c_str()), attr, name, false, {}, !is_of_data};
  auto events = opener.open(kind.request, places, nullptr, kind.attr, kind.name);
  if (!events) return std::move(events.error());
  auto status = OpenedEvents::redirect(*events, is_of_data ? data_owners_ : sideband_owners_);
  if (!status) return std::move(status.error());
  const size_t number = kinds_.size();
  kinds_.push_back(kind);
  opened_.set_kinds(kinds_.size());
  opened_.add(number, std::move(*events));
  table.add({kind.name, kind.attr, {}, {}}, {});
  learn_ids(number, table);
  return number;
}

void EventSet::fill(event::EventTable& table) const {
  for (size_t i = 0; i < kinds_.size(); ++i) {
    std::vector<uint64_t> ids;
    for (const OpenEvent& event : opened_.kind(i)) ids.push_back(event.id);
    table.add({kinds_[i].name, kinds_[i].attr, {}, kinds_[i].request.format}, ids);
  }
  table.finish();
}

}  // namespace oc::perf
