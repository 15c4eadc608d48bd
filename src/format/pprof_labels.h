#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "format/pprof_places.h"
#include "format/proto_writer.h"
#include "machine/machine.h"

namespace oc::format {

/// The labels of a profile's samples, as fields of the message Sample; made once for each context, CPU and set of
/// attributes. Views are owned by this object.
class PprofLabels {
 public:
  PprofLabels(const machine::Machine& machine, PprofTexts& texts)
      : machine_(machine), texts_(texts) {}

  std::string_view of_context(machine::ContextId context);
  std::string_view of_cpu(uint16_t cpu);
  std::string_view of_attributes(machine::AttributesId attributes);

 private:
  using Known = std::unordered_map<uint32_t, std::string>;

  void add(std::string_view key, std::string_view text);
  void add(std::string_view key, int64_t number);
  void add(const machine::Attribute& attribute);
  std::string_view keep(Known& known, uint32_t id);

  const machine::Machine& machine_;
  PprofTexts& texts_;
  Known contexts_, cpus_, attributes_;
  ProtoWriter fields_, label_;
};

}  // namespace oc::format
