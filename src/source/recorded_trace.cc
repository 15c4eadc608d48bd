#include "source/recorded_trace.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <utility>

#include "source/byte_input.h"
#include "source/file_source.h"
#include "source/stream_source.h"

namespace oc::source {

using base::Code;
using base::Fd;
using base::make_error;
using base::Mapping;
using base::Result;
using base::Status;
using base::system_error;
using std::chrono::milliseconds;

namespace {

using StopAsked = std::function<bool()>;

constexpr milliseconds kTurn{100};
constexpr uint64_t kSpoolStep = 64 << 10;

/// "-" is standard input.
Result<Fd> open_fd(const std::string& path) {
  // A FIFO must not wait for its writer here, where nobody could interrupt.
  Fd fd(path == "-" ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                    : ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return system_error(errno, "cannot open " + path);
  return fd;
}

/// A recording in a folder (perf record --threads) has its header in DIR/data and its records in DIR/data.N.
base::Error folder_error(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(std::filesystem::path(path) / "data.0", ignored))
    return make_error(Code::kInvalid, path + " is a folder, not a file");
  return make_error(Code::kUnsupported,
                    path +
                        " is a recording in several files (perf record --threads), which is not "
                        "read",
                    "record it without --threads");
}

/// Waits until so many bytes are there, the input ends, or somebody asks to stop.
Result<ByteInput::State> await(ByteInput& input, uint64_t size_bytes, const StopAsked& stop) {
  for (;;) {
    auto state = input.need(size_bytes, kTurn);
    if (!state || *state != ByteInput::State::kWaiting || stop()) return state;
  }
}

Result<Fd> nameless_file() {
  std::error_code ignored;
  const auto folder = std::filesystem::temp_directory_path(ignored);
  Fd fd(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!fd) return system_error(errno, "cannot make a file in " + folder.string());
  return fd;
}

/// Keeps all of a file that comes through a pipe: its parts refer to each other by offset.
Result<Mapping> spool(const std::string& name, ByteInput& input, const StopAsked& stop) {
  auto file = nameless_file();
  if (!file) return std::move(file.error());
  for (;;) {
    const auto state = await(input, kSpoolStep, stop);
    if (!state) return state.error();
    auto left = input.bytes();
    const uint64_t came = left.size();
    while (!left.empty()) {
      const ssize_t written = write(file->number(), left.data(), left.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return system_error(errno, "cannot keep " + name + " while it is read");
      left = left.subspan(static_cast<size_t>(written));
    }
    input.pass(came);
    if (*state != ByteInput::State::kReady) break;
  }
  return Mapping::map(file->number(), name);
}

/// Whether PerfDataWriter had not come to its end: the room for a header is still where it was. Pipes have none.
bool is_unfinished(std::span<const uint8_t> trace, base::ByteOrder order) {
  base::OrderedBytes bytes(trace, order);
  bytes.skip(kPipeHeaderBytes);
  return bytes.read<uint32_t>() == UserRecord::kRoom && !bytes.failed();
}

}  // namespace

Result<std::unique_ptr<RecordedTrace>> RecordedTrace::open(const std::string& path,
                                                           const StopAsked& is_asked_to_stop) {
  auto fd = open_fd(path);
  if (!fd) return std::move(fd.error());
  const std::string name = path == "-" ? "standard input" : path;
  struct stat info {};
  if (fstat(fd->number(), &info) != 0) return system_error(errno, "cannot read " + name);
  if (S_ISDIR(info.st_mode)) return folder_error(path);
  if (!S_ISREG(info.st_mode)) return read_pipe(name, std::move(*fd), is_asked_to_stop);
  auto mapping = Mapping::map(fd->number(), name);
  if (!mapping) return std::move(mapping.error());
  return load(name, std::move(*mapping));
}

Result<std::unique_ptr<RecordedTrace>> RecordedTrace::load(const std::string& path,
                                                           Mapping mapping) {
  const auto magic = read_magic(path, mapping.bytes());
  if (!magic) return magic.error();
  auto trace = std::make_unique<RecordedTrace>();
  if (magic->is_pipe) {
    trace->mapping_ = std::move(mapping);
    trace->stream_header_.emplace(path).set_order(magic->order);
    trace->is_unfinished_ = is_unfinished(trace->mapping_.bytes(), magic->order);
    if (trace->is_unfinished_) {
      trace->stream_header_->add_note(path +
                                      ": the recording was never finished (it has no header in "
                                      "front yet): reading what is there");
    }
    auto source = StreamSource::open_pipe(
        *trace->stream_header_,
        std::make_unique<MappedInput>(trace->mapping_,
                                      trace->mapping_.bytes().subspan(kPipeHeaderBytes)),
        [] { return false; }, {.is_cut = trace->is_unfinished_});
    if (!source) return std::move(source.error());
    trace->source_ = std::move(*source);
    return trace;
  }
  auto file = PerfDataFile::load(path, std::move(mapping));
  if (!file) return std::move(file.error());
  trace->file_.emplace(std::move(*file));
  const PerfDataFile& kept = *trace->file_;
  if (kept.is_plain()) {
    trace->source_ = std::make_unique<FileSource>(kept);
  } else {
    trace->source_ = std::make_unique<StreamSource>(
        kept.header(), std::make_unique<MappedInput>(kept.mapping(), kept.records()),
        StreamSource::Limits{.is_cut = kept.is_truncated()});
  }
  return trace;
}

Result<std::unique_ptr<RecordedTrace>> RecordedTrace::read_pipe(const std::string& name, Fd fd,
                                                                const StopAsked& stop) {
  if (isatty(fd.number()) != 0) {
    return make_error(Code::kUsage, name + " is a terminal, not a trace",
                      "as in: perf record -o - … | oc script -i - SCRIPT");
  }
  auto input = PipeInput::make(std::move(fd));
  if (!input) return std::move(input.error());
  const auto state = await(**input, kPipeHeaderBytes, stop);
  if (!state) return state.error();
  if (*state == ByteInput::State::kWaiting)
    return make_error(Code::kInvalid, name + ": no trace came before the end was asked for");
  const auto magic = read_magic(name, (*input)->bytes());
  if (!magic) return magic.error();
  if (!magic->is_pipe) {
    auto mapping = spool(name, **input, stop);
    if (!mapping) return std::move(mapping.error());
    return load(name, std::move(*mapping));
  }
  (*input)->pass(kPipeHeaderBytes);
  auto trace = std::make_unique<RecordedTrace>();
  trace->stream_header_.emplace(name).set_order(magic->order);
  auto source = StreamSource::open_pipe(*trace->stream_header_, std::move(*input), stop, {});
  if (!source) return std::move(source.error());
  trace->source_ = std::move(*source);
  trace->is_live_ = true;
  return trace;
}

}  // namespace oc::source
