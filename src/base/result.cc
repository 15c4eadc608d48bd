#include "base/result.h"

#include <cstring>

namespace oc::base {

Error system_error(int number, const std::string& what, std::string hint) {
  const bool refused = number == EACCES || number == EPERM;
  const bool absent = number == ENOENT;
  Error error;
  error.code = refused ? Code::kPermission : absent ? Code::kNotFound : Code::kSystem;
  error.sys_errno = number;
  error.what = what + ": " + std::strerror(number);
  error.hint = std::move(hint);
  return error;
}

}  // namespace oc::base
