#include "format/trace_notes.h"

#include <fmt/format.h>

#include <map>

#include "format/measure.h"

namespace oc::format {

namespace {

std::string text_of_losses(const machine::Machine& machine) {
  uint64_t records = 0;
  std::map<std::string, uint64_t> by_event;
  for (const machine::Loss& loss : machine.facts.losses) {
    records += loss.records;
    if (loss.event) by_event[std::string(machine.text(loss.event))] += loss.records;
  }
  if (records == 0) return "";
  std::string text = text_in_groups(static_cast<double>(records)) + " records were lost";
  for (const auto& [event, count] : by_event) {
    text += fmt::format("{}{} {}", text.ends_with("lost") ? ": " : ", ",
                        text_in_groups(static_cast<double>(count)), event);
  }
  return text;
}

}  // namespace

std::vector<std::string> trace_notes(const machine::Machine& machine) {
  std::vector<std::string> notes;
  if (std::string losses = text_of_losses(machine); !losses.empty())
    notes.push_back(std::move(losses));
  if (machine.dropped() != 0) {
    notes.push_back(text_in_groups(static_cast<double>(machine.dropped())) +
                    " samples, the oldest, are not here: no more were to be kept");
  }
  if (machine.spans.refused() != 0) {
    notes.push_back(text_in_groups(static_cast<double>(machine.spans.refused())) +
                    " spans, the latest, are not here: no more are kept");
  }
  notes.insert(notes.end(), machine.facts.notes.begin(), machine.facts.notes.end());
  return notes;
}

std::string title_of(const Export& what) {
  if (!what.title.empty()) return what.title;
  const machine::TraceFacts& facts = what.machine.facts;
  if (!facts.name.empty()) return facts.name;
  const auto command = facts.host.find("command");
  return command == facts.host.end() || command->second.empty() ? "Trace" : command->second;
}

}  // namespace oc::format
