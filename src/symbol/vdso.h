#pragma once

#include <memory>

#include "elf/file.h"

namespace oc::symbol {

/// The vDSO of this process: the kernel's own library, which is in no file. Null: it has none.
std::unique_ptr<elf::File> load_own_vdso();

}  // namespace oc::symbol
