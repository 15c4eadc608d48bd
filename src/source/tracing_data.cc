#include "source/tracing_data.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <utility>

#include "base/bytes.h"

namespace oc::source {

namespace {

using base::Code;
using base::make_error;
using base::Result;

constexpr std::string_view kTracingMagic = "\x17\x08\x44tracing";

/// The rest of the first line in `text` that starts with `key`, without white space around it.
std::string_view line_value(std::string_view text, std::string_view key) {
  // The kernel writes name and ID first; further down, print fmt could hold the same words.
  for (int lines = 0; lines < 4 && !text.empty(); ++lines) {
    const std::string_view line = text.substr(0, text.find('\n'));
    if (line.starts_with(key)) {
      const auto begin = line.find_first_not_of(" \t", key.size());
      if (begin == std::string_view::npos) return {};
      return line.substr(begin, line.find_last_not_of(" \t\r") - begin + 1);
    }
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return {};
}

/// The size of the page header's commit counter, which is a long of the kernel; 0 when unknown.
uint32_t long_size_of(std::string_view header_page) {
  const auto commit = header_page.find("commit;");
  const auto size = commit == header_page.npos ? commit : header_page.find("size:", commit);
  if (size == header_page.npos) return 0;
  uint32_t value = 0;
  const char* digits = header_page.data() + size + 5;
  std::from_chars(digits, header_page.data() + header_page.size(), value);
  return value == 4 || value == 8 ? value : 0;
}

/// Walks one blob from front to back. Lives for one call of parse_tracing_data.
class Reader {
 public:
  explicit Reader(std::span<const uint8_t> blob) : bytes_(blob) {}

  Result<TracingData> run() {
    if (bytes_.text(kTracingMagic.size()) != kTracingMagic) {
      return make_error(Code::kInvalid, "the tracing data do not start with their magic number");
    }
    read_all();
    if (left_out_ > 0) {
      data_.notes.push_back(std::to_string(left_out_) +
                            " formats in the tracing data have no name or ID and are left out");
    }
    std::stable_sort(data_.formats.begin(), data_.formats.end(),
                     [](const FormatText& a, const FormatText& b) { return a.id < b.id; });
    return std::move(data_);
  }

 private:
  /// Stops at the first part that cannot be read; what was read before stays.
  void read_all() {
    if (!read_start() || !read_headers() || !read_formats("ftrace") || !read_systems()) return;
    data_.kallsyms = section("kallsyms", read<uint32_t>());
    if (bytes_.failed()) return;
    data_.printk_formats = section("printk formats", read<uint32_t>());
    if (bytes_.failed() || data_.version < "0.6") return;
    data_.saved_cmdlines = section("saved cmdlines", read<uint64_t>());
  }

  bool read_start() {
    data_.version = bytes_.c_string();
    data_.is_big_endian = read<uint8_t>() != 0;
    const auto long_size = read<uint8_t>();
    data_.page_size = read<uint32_t>();
    if (bytes_.failed()) return stop("version and sizes");
    if (long_size == 4 || long_size == 8) {
      data_.long_size = long_size;
    } else {
      data_.notes.push_back("the tracing data give longs " + std::to_string(long_size) +
                            " bytes; 8 are assumed");
    }
    return true;
  }

  bool read_headers() {
    for (const std::string_view name : {"header_page", "header_event"}) {
      const size_t at = bytes_.offset();
      if (bytes_.c_string() != name) return stop(name, at);
      const std::string_view text = section(name, read<uint64_t>());
      if (bytes_.failed()) return false;
      if (const uint32_t size = name == "header_page" ? long_size_of(text) : 0; size != 0) {
        data_.long_size = size;
      }
    }
    return true;
  }

  bool read_systems() {
    const size_t at = bytes_.offset();
    const auto systems = read<uint32_t>();
    if (bytes_.failed()) return stop("event systems", at);
    for (uint32_t i = 0; i < systems; ++i) {
      const size_t name_at = bytes_.offset();
      const std::string_view system = bytes_.c_string();
      if (bytes_.failed()) return stop("a system's name", name_at);
      if (!read_formats(system)) return false;
    }
    return true;
  }

  bool read_formats(std::string_view system) {
    const size_t at = bytes_.offset();
    const auto count = read<uint32_t>();
    if (bytes_.failed()) return stop("the formats of " + std::string(system), at);
    for (uint32_t i = 0; i < count; ++i) {
      const std::string_view text = section("a format of " + std::string(system), read<uint64_t>());
      if (bytes_.failed()) return false;
      add(system, text);
    }
    return true;
  }

  void add(std::string_view system, std::string_view text) {
    FormatText format{0, system, line_value(text, "name:"), text};
    const std::string_view id = line_value(text, "ID:");
    const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), format.id);
    if (format.name.empty() || id.empty() || error != std::errc{} || end != id.data() + id.size()) {
      ++left_out_;
    } else {
      data_.formats.push_back(format);
    }
  }

  /// The next `size_bytes` bytes, without the NUL that some writers count in.
  std::string_view section(std::string_view what, uint64_t size_bytes) {
    const size_t at = bytes_.offset();
    const size_t left = bytes_.remaining();
    std::string_view text = bytes_.text(size_bytes);
    if (bytes_.failed()) {
      stop(std::string(what) + " (" + std::to_string(size_bytes) + " bytes, " +
               std::to_string(left) + " left)",
           at);
      return {};
    }
    while (text.ends_with('\0')) text.remove_suffix(1);
    return text;
  }

  /// Numbers have the byte order of the recorded machine.
  template <typename T>
  T read() {
    const T value = bytes_.read<T>();
    if (data_.is_big_endian == (std::endian::native == std::endian::big)) return value;
    auto raw = std::bit_cast<std::array<uint8_t, sizeof(T)>>(value);
    std::reverse(raw.begin(), raw.end());
    return std::bit_cast<T>(raw);
  }

  bool stop(std::string_view what) { return stop(what, bytes_.offset()); }
  bool stop(std::string_view what, size_t at) {
    data_.notes.push_back("the tracing data are damaged at offset " + std::to_string(at) + ": " +
                          std::string(what) + " cannot be read");
    return false;
  }

  base::Bytes bytes_;
  TracingData data_;
  uint64_t left_out_ = 0;
};

}  // namespace

const FormatText* TracingData::find(uint32_t id) const {
  const auto found = std::lower_bound(
      formats.begin(), formats.end(), id,
      [](const FormatText& format, uint32_t wanted) { return format.id < wanted; });
  return found == formats.end() || found->id != id ? nullptr : &*found;
}

const FormatText* TracingData::find(std::string_view system, std::string_view name) const {
  const auto found = std::find_if(formats.begin(), formats.end(), [&](const FormatText& format) {
    return format.system == system && format.name == name;
  });
  return found == formats.end() ? nullptr : &*found;
}

Result<event::EventFormat> TracingData::load_format(uint32_t id) const {
  const FormatText* format = find(id);
  if (format == nullptr) {
    return make_error(Code::kNotFound,
                      "the trace has no format of the event with id " + std::to_string(id));
  }
  return event::parse_format(format->text, format->system, long_size);
}

Result<TracingData> parse_tracing_data(std::span<const uint8_t> blob) { return Reader(blob).run(); }

}  // namespace oc::source
