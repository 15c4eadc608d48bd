#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "symbol/symbol_table.h"

namespace oc::symbol {

/// What a text like /proc/kallsyms or System.map lists.
struct KernelNames {
  /// Of code, by address; all of size 0. One without a name is where code ends, and nothing follows for a while.
  std::vector<SymbolTable::Symbol> symbols;
  /// "schedule\0\0vfs_read\0\0nf_hook\0nf_tables\0": each name, and behind it its module or nothing.
  std::vector<uint8_t> names;
  uint64_t text_start = 0;  ///< the address of _stext; 0: not listed
  uint64_t text = 0;        ///< that of _text
  size_t hidden = 0;        ///< lines whose address is 0: the kernel hides them from this user
  size_t skipped = 0;       ///< lines that are not of this form
};

/// Lines "ffffffff81234560 t name[\t[module]]". Only code (t, T, w, W) is kept; BPF programs come and go, so that
/// only their records tell of them. Lines may be in any order. Bad ones are counted.
/// Source: kernel/kallsyms.c, s_show; nm(1) for System.map.
KernelNames parse_kallsyms(std::string_view text);

/// A name's module, "" for the kernel itself. Requires: an offset of a symbol of these names.
std::string_view module_of(std::span<const uint8_t> names, uint32_t name);

}  // namespace oc::symbol
