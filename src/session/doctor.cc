#include "session/doctor.h"

#include <iterator>
#include <utility>

#include "perf/health.h"
#include "sys/health.h"
#include "sys/permissions.h"

namespace oc::session {

std::vector<sys::Finding> examine() {
  const sys::Permissions permissions = sys::load_permissions();
  auto findings = perf::examine_events(permissions);
  auto more = sys::examine_system(permissions);
  findings.insert(findings.end(), std::make_move_iterator(more.begin()),
                  std::make_move_iterator(more.end()));
  return findings;
}

}  // namespace oc::session
