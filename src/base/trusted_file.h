#pragma once

#include <string>

#include "base/result.h"

namespace oc::base {

/// The text of a small file that decides what this program does: a configuration.
///
/// It must belong to root or to the user that the program runs as, and nobody else may write it; as
/// root, that means root's. Errors: kNotFound when there is none; a sentence for one that is not
/// trusted, cannot be read, or is larger than 64 KiB. What is not a regular file is empty.
Result<std::string> read_trusted(const std::string& path);

}  // namespace oc::base
