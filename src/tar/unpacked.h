#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "tar/reader.h"

namespace oc::tar {

/// An archive's files in a folder of this process's own, below $TMPDIR or /var/tmp; gone with the object. Folders that killed
/// processes of this user left there are removed on the way. One thread.
///
///     open      folder made and locked, the first member unpacked
///     unpack    all others, when somebody needs them
class Unpacked {
 public:
  using StopAsked = std::function<bool()>;

  /// Errors: kNotFound: it is no archive, though something may be packed in it; others as Reader's.
  static base::Result<std::unique_ptr<Unpacked>> open(const std::string& path,
                                                      StopAsked is_asked_to_stop,
                                                      Limits limits = {});
  ~Unpacked();
  Unpacked(const Unpacked&) = delete;
  Unpacked& operator=(const Unpacked&) = delete;

  /// As it was opened.
  const std::string& archive() const { return archive_; }
  const std::string& folder() const { return folder_; }
  /// The first member, as a path.
  const std::string& first() const { return first_; }
  /// The first call unpacks, later ones do nothing and tell the same. An archive that is cut off or damaged behind its
  /// first member is no error: what is whole is there, and `damage` tells of it.
  base::Status unpack();
  const std::string& damage() const { return damage_; }

 private:
  Unpacked(std::string archive, StopAsked is_asked_to_stop, Limits limits)
      : archive_(std::move(archive)),
        is_asked_to_stop_(std::move(is_asked_to_stop)),
        limits_(limits) {}
  base::Status make_folder();
  base::Status make_folders(const Member& member);
  base::Status unpack_others(Reader& reader);
  base::Status unpack_one(Reader& reader, const Member& member);

  std::string archive_, folder_, first_;
  StopAsked is_asked_to_stop_;
  Limits limits_;
  base::Fd lock_;
  uint32_t folders_ = 0;  ///< made so far
  std::optional<base::Status> unpacked_;
  std::string damage_;
};

}  // namespace oc::tar
