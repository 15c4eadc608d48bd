#pragma once

#include <optional>
#include <string>

#include "symbol/kallsyms.h"

namespace oc::symbol {

/// Kernel names that were parsed once, in a file of this user: reading 122,000 names from /proc takes the kernel 65 ms and
/// more, from here it takes 2.
///
///     FOLDER/kernel/KEY   "ockern1\n"  hash of the rest  text_start  text  symbols  bytes of names
///                         symbols × { start u64, name u32, binding u32 }   names
///
/// The key says all that names depend on. A file that others might have written, or that is damaged, is not read; a
/// folder that is not this user's is not written to.
class KeptNames {
 public:
  /// `folder` "": nothing is kept.
  explicit KeptNames(std::string folder);

  /// Nothing when there is no such file, or it may not be trusted.
  std::optional<KernelNames> find(const std::string& key) const;
  /// Written to another name, then renamed; a few of other keys stay, older ones go. False: not written.
  bool add(const std::string& key, const KernelNames& names) const;

  static constexpr size_t kMostFiles = 4;

 private:
  void drop_old() const;

  std::string folder_;
};

/// The bytes of such a file, and back; nothing when they are damaged.
std::vector<uint8_t> pack_names(const KernelNames& names);
std::optional<KernelNames> unpack_names(std::span<const uint8_t> bytes);

}  // namespace oc::symbol
