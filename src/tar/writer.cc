#include "tar/writer.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "tar/library.h"

namespace oc::tar {

namespace {

/// So much is handed over at once: between two pieces a sink can end the writing.
constexpr size_t kPiece = size_t{1} << 20;

struct Ending {
  std::string_view text;
  Packing packing;
};
constexpr std::array kEndings{Ending{".tar.zst", Packing::kZstd}, Ending{".tzst", Packing::kZstd},
                              Ending{".tar.gz", Packing::kGzip},  Ending{".tgz", Packing::kGzip},
                              Ending{".tar.xz", Packing::kXz},    Ending{".txz", Packing::kXz},
                              Ending{".tar", Packing::kNone}};

}  // namespace

std::optional<Packing> find_packing(const std::string& path) {
  for (const Ending& ending : kEndings) {
    if (path.size() > ending.text.size() && path.ends_with(ending.text)) return ending.packing;
  }
  return {};
}

struct Writer::State {
  const Library* library = nullptr;
  struct ::archive* handle = nullptr;
  Sink sink;
  base::Status problem;  ///< of the sink

  base::Error error(const std::string& what) const {
    if (!problem) return problem.error();
    const char* const why = library->archive_error_string(handle);
    return base::make_error(base::Code::kSystem, what + ": " + (why == nullptr ? "failed" : why));
  }

  static la_ssize_t write(struct ::archive*, void* self, const void* bytes, size_t size) {
    auto* const state = static_cast<State*>(self);
    if (state->problem) {
      auto status = state->sink({static_cast<const uint8_t*>(bytes), size});
      if (status) return static_cast<la_ssize_t>(size);
      state->problem = std::move(status);
    }
    return -1;
  }
};

Writer::Writer(std::unique_ptr<State> state) : state_(std::move(state)) {}

/// What was not finished is left as it is: nothing more goes to the sink.
Writer::~Writer() {
  if (state_->handle == nullptr) return;
  state_->library->archive_write_fail(state_->handle);
  state_->library->archive_write_free(state_->handle);
}

base::Result<std::unique_ptr<Writer>> Writer::make(Packing packing, Sink sink) {
  const auto library = load_library();
  if (!library) return library.error();
  auto state = std::make_unique<State>();
  state->library = *library;
  state->sink = std::move(sink);
  state->handle = (*library)->archive_write_new();
  if (state->handle == nullptr)
    return base::make_error(base::Code::kSystem, "there is no memory for an archive");
  State& made = *state;
  std::unique_ptr<Writer> writer(new Writer(std::move(state)));
  int status = (*library)->archive_write_set_format_pax_restricted(made.handle);
  if (packing == Packing::kZstd) status = (*library)->archive_write_add_filter_zstd(made.handle);
  if (packing == Packing::kGzip) status = (*library)->archive_write_add_filter_gzip(made.handle);
  if (packing == Packing::kXz) status = (*library)->archive_write_add_filter_xz(made.handle);
  // Another status would be: by an external program, which is not called.
  if (status != ARCHIVE_OK) return made.error("this libarchive cannot compress so");
  (*library)->archive_write_set_bytes_in_last_block(made.handle, 1);
  if ((*library)->archive_write_open(made.handle, &made, nullptr, State::write, nullptr) !=
      ARCHIVE_OK)
    return made.error("cannot begin the archive");
  return writer;
}

base::Status Writer::add(const std::string& name, std::span<const uint8_t> bytes, int64_t seconds) {
  const Library& library = *state_->library;
  struct ::archive_entry* const entry = library.archive_entry_new();
  if (entry == nullptr) return base::make_error(base::Code::kSystem, "there is no memory");
  library.archive_entry_set_pathname(entry, name.c_str());
  library.archive_entry_set_size(entry, static_cast<la_int64_t>(bytes.size()));
  library.archive_entry_set_filetype(entry, AE_IFREG);
  library.archive_entry_set_perm(entry, 0644);
  library.archive_entry_set_mtime(entry, static_cast<time_t>(seconds), 0);
  const int begun = library.archive_write_header(state_->handle, entry);
  library.archive_entry_free(entry);
  if (begun < ARCHIVE_WARN || !state_->problem) return state_->error("cannot store " + name);
  while (!bytes.empty()) {
    const auto piece = bytes.first(std::min(bytes.size(), kPiece));
    const auto written = library.archive_write_data(state_->handle, piece.data(), piece.size());
    if (written <= 0 || !state_->problem) return state_->error("cannot store " + name);
    bytes = bytes.subspan(std::min(bytes.size(), static_cast<size_t>(written)));
  }
  return {};
}

base::Status Writer::finish() {
  const int closed = state_->library->archive_write_close(state_->handle);
  if (closed != ARCHIVE_OK || !state_->problem) return state_->error("cannot end the archive");
  return {};
}

}  // namespace oc::tar
