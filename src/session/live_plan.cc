#include "session/live_plan.h"

#include <algorithm>

#include "base/nearest.h"

namespace oc::session {

}  // namespace oc::session
namespace oc::session {
base::Result<std::vector<uint32_t>> LivePlan::resolve(const std::string&, const LiveSettings&) { return base::make_error(base::Code::kUnsupported, "no live"); }
std::vector<std::string> LivePlan::names(const std::string&) const { return {}; }
}
