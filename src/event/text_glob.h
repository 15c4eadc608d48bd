#pragma once

#include <string_view>

namespace oc::event {

/// Whether the whole of `text` is what `pattern` says, byte by byte, as in the kernel's filters
/// (lib/glob.c): `*` any bytes, `?` one, `[a-z]` one of these, `[!a-z]` one that is none of these,
/// a backslash takes the next as it is. A `[` without its `]` is itself.
///
/// Time at most the product of both lengths; no recursion.
bool glob_text(std::string_view pattern, std::string_view text);

}  // namespace oc::event
