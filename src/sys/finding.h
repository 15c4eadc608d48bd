#pragma once

#include <cstdint>
#include <string>

namespace oc::sys {

/// One thing that `oc doctor` looked at.
struct Finding {
  enum class State : int32_t {
    kOk,
    kLimited,  ///< oc runs without it, or with less of it
    kMissing,  ///< something that oc is for does not work
  };

  std::string name;  ///< "whole system"
  State state = State::kOk;
  std::string value;    ///< what was found
  std::string meaning;  ///< what the user cannot do; "" when ok
  std::string fix;      ///< one command for a shell; "" when there is nothing to type
};

}  // namespace oc::sys
