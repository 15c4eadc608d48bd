#include "lua/progress_bar.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "base/thread.h"

extern "C" {
#include "abi/terminal.h"
}

namespace oc::lua {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kQuiet{1000};  // a short read has no bar
constexpr milliseconds kBetween{200};
constexpr std::string_view kErase = "\r\x1b[K";

std::string size_text(double bytes) {
  return bytes >= 1e9 ? fmt::format("{:.1f} GB", bytes / 1e9)
                      : fmt::format("{:.0f} MB", bytes / 1e6);
}

std::string time_text(double seconds) {
  const double whole = std::ceil(seconds);
  return whole < 100
             ? fmt::format("{:.0f} s", whole)
             : fmt::format("{:.0f}m{:02.0f}s", std::floor(whole / 60), std::fmod(whole, 60));
}

size_t columns_of(int fd) {
  oc_terminal size{};
  return oc_terminal_size(fd, &size) == 1 && size.columns > 0 ? static_cast<size_t>(size.columns)
                                                              : 80;
}

/// Requires: the host is locked.
source::Progress of_workers(const oc_host& host) {
  source::Progress all{host.work_done, host.work_bytes};
  for (const auto& work : host.work) all.bytes += std::min(work.bytes_read->load(), work.of_bytes);
  return all;
}

void write_all(std::string_view text) { (void)!write(STDERR_FILENO, text.data(), text.size()); }

}  // namespace

std::string progress_line(const source::Progress& progress, double seconds, size_t columns) {
  if (progress.of_bytes == 0 || seconds <= 0) return {};
  const auto done = static_cast<double>(std::min(progress.bytes, progress.of_bytes));
  const auto all = static_cast<double>(progress.of_bytes);
  const double speed = done / seconds;
  std::string line = fmt::format("oc: {:3.0f} %  {} of {}  {}/s", std::floor(100 * done / all),
                                 size_text(done), size_text(all), size_text(speed));
  if (speed > 0 && done < all) line += "  " + time_text((all - done) / speed) + " left";
  if (line.size() >= columns)
    line.resize(columns > 1 ? columns - 1 : 0);  // no wrap to a second line
  return line;
}

void ProgressBar::start() {
  stop();
  is_ending_ = is_writing_ = false;
  began_ = std::chrono::steady_clock::now();
  thread_ = base::start_thread([this] { run(); });
}

void ProgressBar::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
    erase();
  }
  ending_.notify_all();
  thread_.join();
}

void ProgressBar::begin_write() {
  const std::lock_guard lock(mutex_);
  is_writing_ = true;
  erase();
}

void ProgressBar::end_write(bool at_line_start) {
  const std::lock_guard lock(mutex_);
  is_writing_ = false;
  at_line_start_ = at_line_start;
}

void ProgressBar::run() {
  std::unique_lock lock(mutex_);
  const auto is_ending = [this] { return is_ending_; };
  if (ending_.wait_for(lock, kQuiet, is_ending)) return;
  do {
    draw();
  } while (!ending_.wait_for(lock, kBetween, is_ending));
}

void ProgressBar::draw() {
  if (is_writing_ || !at_line_start_) return;
  source::Progress progress;
  {
    const std::lock_guard lock(host_.mutex);
    if (host_.active != nullptr) progress = host_.active->session.input().progress();
    if (host_.work_bytes != 0) progress = of_workers(host_);
  }
  const std::chrono::duration<double> since = std::chrono::steady_clock::now() - began_;
  const std::string line = progress_line(progress, since.count(), columns_of(STDERR_FILENO));
  if (line.empty()) return;
  host_.has_bar = true;
  write_all(std::string(kErase) + line);
}

void ProgressBar::erase() {
  if (host_.has_bar.exchange(false)) write_all(kErase);
}

}  // namespace oc::lua
