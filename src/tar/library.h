#pragma once

#include <archive.h>
#include <archive_entry.h>

#include "base/result.h"

namespace oc::tar {

/// The functions of libarchive that this room calls. The library is loaded by the first who asks: linked, it and what it
/// brings along (XML, Unicode tables) would double the time that the program takes to start.
struct Library {
#define OC_TAR_FUNCTIONS(use)                                                                      \
  use(archive_error_string) use(archive_read_new) use(archive_read_support_format_tar)             \
      use(archive_read_support_filter_zstd) use(archive_read_support_filter_gzip) use(             \
          archive_read_support_filter_xz) use(archive_read_open_fd) use(archive_read_next_header)  \
          use(archive_read_data_block) use(archive_read_free) use(archive_write_new)               \
              use(archive_write_set_format_pax_restricted) use(archive_write_add_filter_zstd)      \
                  use(archive_write_add_filter_gzip) use(archive_write_add_filter_xz)              \
                      use(archive_write_open) use(archive_write_set_bytes_per_block) use(          \
                          archive_write_set_bytes_in_last_block) use(archive_write_header)         \
                          use(archive_write_data) use(archive_write_close) use(archive_write_free) \
                              use(archive_write_fail) use(archive_entry_new)                       \
                                  use(archive_entry_free) use(archive_entry_set_pathname)          \
                                      use(archive_entry_set_size) use(archive_entry_set_filetype)  \
                                          use(archive_entry_set_perm) use(archive_entry_set_mtime) \
                                              use(archive_entry_pathname) use(archive_entry_size)  \
                                                  use(archive_entry_size_is_set)                   \
                                                      use(archive_entry_filetype)                  \
                                                          use(archive_entry_hardlink)              \
                                                              use(archive_entry_symlink)

#define OC_TAR_MEMBER(name) decltype(&::name) name = nullptr;
  OC_TAR_FUNCTIONS(OC_TAR_MEMBER)
#undef OC_TAR_MEMBER
};

/// Errors: it is not installed. Any thread; the library stays.
base::Result<const Library*> load_library();

}  // namespace oc::tar
