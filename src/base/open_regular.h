#pragma once

#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace oc::base {

/// Opens a regular file for reading; what is none is refused before it is opened, as opening a device can do things.
/// `root`: as if it were "/" for the path, its ".." and every link on the way; "": this process's own. Errors: absent,
/// unreadable, a folder, a device, a pipe.
Result<Fd> open_regular(const std::string& path, const std::string& root = {});

}  // namespace oc::base
