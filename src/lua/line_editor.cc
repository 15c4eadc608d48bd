#include "lua/line_editor.h"

#include <langinfo.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cwchar>

namespace oc::lua {

namespace {

volatile sig_atomic_t g_is_resized = 0;
void (*g_resized_before)(int) = SIG_DFL;

void on_resize(int) { g_is_resized = 1; }

/// libedit takes the characters' width from the locale: a C locale would show UTF-8 as octal.
void use_utf8() {
  setlocale(LC_CTYPE, "");
  if (std::strcmp(nl_langinfo(CODESET), "UTF-8") != 0) setlocale(LC_CTYPE, "C.UTF-8");
}

LineEditor& owner(EditLine* editor) {
  void* kept = nullptr;
  el_get(editor, EL_CLIENTDATA, &kept);
  return *static_cast<LineEditor*>(kept);
}

const char* show_prompt(EditLine* editor) { return owner(editor).prompt(); }

unsigned char on_enter(EditLine* editor, int) { return owner(editor).press(Got::kLine), CC_NORM; }
unsigned char on_break(EditLine* editor, int) {
  return owner(editor).press(Got::kInterrupt), CC_NORM;
}
unsigned char on_end(EditLine* editor, int) {
  if (!owner(editor).is_empty()) {
    el_cursor(editor, 1);
    el_deletestr(editor, 1);
    return CC_REFRESH;
  }
  return owner(editor).press(Got::kEnd), CC_NORM;
}
unsigned char on_suspend(EditLine* editor, int) {
  owner(editor).suspend();
  return CC_NORM;
}

/// Before the text that stands there, Tab asks; in white space it indents.
unsigned char on_tab(EditLine* editor, int) {
  const LineInfo* line = el_line(editor);
  for (const char* at = line->buffer; at < line->cursor; ++at) {
    if (*at != ' ' && *at != '\n') return owner(editor).press(Got::kComplete), CC_NORM;
  }
  el_insertstr(editor, "  ");
  return CC_REFRESH;
}

/// A character from the terminal; -1 where there is none at once and none is to be waited for.
int read_key(EditLine* editor, wchar_t* key) {
  if (!owner(editor).may_read()) return -1;
  std::mbstate_t state{};
  for (;;) {
    char byte = 0;
    const ssize_t size = read(STDIN_FILENO, &byte, 1);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return owner(editor).lose(), -1;
    byte = owner(editor).as_typed(byte);
    const size_t used = std::mbrtowc(key, &byte, 1, &state);
    if (used == 0 || used == 1) return 1;
    if (used == static_cast<size_t>(-1)) state = std::mbstate_t{};  // no UTF-8: left out
  }
}

size_t characters_in(const char* begin, const char* end) {
  size_t count = 0;
  for (; begin < end; ++begin) count += (static_cast<unsigned char>(*begin) & 0xc0) != 0x80;
  return count;
}

/// How many rows below its first one a text ends, as libedit lays it out.
size_t rows_of(const std::string& text, size_t columns) {
  constexpr size_t kTab = 8;
  size_t row = 0, column = 0;
  std::mbstate_t state{};
  for (size_t at = 0; at < text.size();) {
    wchar_t code = 0;
    size_t size = std::mbrtowc(&code, text.data() + at, text.size() - at, &state);
    if (size == 0 || size > text.size() - at) size = 1, code = '?', state = std::mbstate_t{};
    at += size;
    if (code == '\n') {
      ++row, column = 0;
      continue;
    }
    const auto width = code == '\t' ? kTab - column % kTab
                       : code < ' ' || code == 0x7f
                           ? size_t{2}  // ^C
                           : static_cast<size_t>(std::max(wcwidth(code), 0));
    if (column + width > columns) ++row, column = 0;
    column += width;
    if (column >= columns) ++row, column = 0;
  }
  return row;
}

size_t terminal_columns() {
  winsize size{};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

void write_text(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

}  // namespace

base::Result<std::unique_ptr<LineEditor>> LineEditor::open(oc_host& host) {
  const char* term = std::getenv("TERM");
  if (isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0)
    return base::make_error(base::Code::kUnsupported, "standard input or output is no terminal");
  if (term == nullptr || *term == '\0' || std::strcmp(term, "dumb") == 0)
    return base::make_error(base::Code::kUnsupported,
                            "TERM names no terminal that can be edited on");
  use_utf8();
  std::unique_ptr<LineEditor> made(new LineEditor(host));
  made->history_.reset(history_init());
  made->editor_.reset(el_init("oc", stdin, stdout, stderr));
  if (!made->history_ || !made->editor_)
    return base::make_error(base::Code::kSystem, "libedit cannot use this terminal");
  HistEvent event;
  history(made->history_.get(), &event, H_SETSIZE, kHistory);
  history(made->history_.get(), &event, H_SETUNIQUE, 1);
  made->bind_keys();
  return made;
}

LineEditor::~LineEditor() { end(); }

void LineEditor::bind_keys() {
  EditLine* editor = editor_.get();
  el_set(editor, EL_CLIENTDATA, this);
  el_set(editor, EL_PROMPT, show_prompt);
  el_set(editor, EL_HIST, history, history_.get());
  el_set(editor, EL_EDITOR, "emacs");
  el_set(editor, EL_SIGNAL, 0);
  el_set(editor, EL_GETCFN, read_key);
  el_set(editor, EL_SETTY, "-d", "-isig", nullptr);
  el_set(editor, EL_ADDFN, "oc-enter", "The line is done", on_enter);
  el_set(editor, EL_ADDFN, "oc-break", "Give the line up", on_break);
  el_set(editor, EL_ADDFN, "oc-end", "End, or delete", on_end);
  el_set(editor, EL_ADDFN, "oc-suspend", "Stop the program", on_suspend);
  el_set(editor, EL_ADDFN, "oc-tab", "How could this go on", on_tab);
  struct Binding {
    const char *key, *command;
  };
  for (const auto& [key, command] : {Binding{"^J", "oc-enter"},
                                     {"^M", "oc-enter"},
                                     {"^C", "oc-break"},
                                     {"^D", "oc-end"},
                                     {"^Z", "oc-suspend"},
                                     {"^I", "oc-tab"},
                                     {"^R", "em-inc-search-prev"},
                                     {"^W", "ed-delete-prev-word"},
                                     {"\\e[1;5C", "em-next-word"},
                                     {"\\e[1;5D", "ed-prev-word"},
                                     {"\\e[H", "ed-move-to-beg"},
                                     {"\\e[F", "ed-move-to-end"},
                                     {"\\e[1~", "ed-move-to-beg"},
                                     {"\\e[4~", "ed-move-to-end"},
                                     {"\\e[3~", "ed-delete-next-char"}})
    el_set(editor, EL_BIND, key, command, nullptr);
  el_source(editor, nullptr);  // what the user set in ~/.editrc
}

void LineEditor::begin(const std::string& prompt) {
  end();
  prompt_ = prompt;
  text_.clear();
  cursor_ = 0;
  std::fflush(stdout);
  g_is_resized = 0;
  struct sigaction action {
  }, before{};
  action.sa_handler = on_resize;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGWINCH, &action, &before);
  g_resized_before = before.sa_handler;
  el_set(editor_.get(), EL_UNBUFFERED, 1);
  is_open_ = true;
  if (ioctl(STDIN_FILENO, FIONREAD, &ahead_) != 0) ahead_ = 0;
}

/// The kernel keeps an end of input that is typed while lines are read as a whole, and gives it as a zero byte when they
/// are not any more.
char LineEditor::as_typed(char byte) {
  constexpr char kEndOfInput = 4;
  if (ahead_ == 0) return byte;
  --ahead_;
  return byte == 0 ? kEndOfInput : byte;
}

void LineEditor::end() {
  if (!is_open_) return;
  is_open_ = false;
  el_set(editor_.get(), EL_UNBUFFERED, 0);
  signal(SIGWINCH, g_resized_before);
}

bool LineEditor::is_empty() const {
  const LineInfo* line = el_line(editor_.get());
  return line->buffer == line->lastchar;
}

void LineEditor::read_line() {
  const LineInfo* line = el_line(editor_.get());
  text_.assign(line->buffer, line->lastchar);
  cursor_ = static_cast<size_t>(line->cursor - line->buffer);
}

/// The row of the line's first that the cursor is in, as the line was shown last.
size_t LineEditor::cursor_row() const {
  const LineInfo* line = el_line(editor_.get());
  return rows_of(prompt_ + std::string(line->buffer, line->cursor), terminal_columns());
}

/// To the beginning of the line's first row, with nothing behind it.
void LineEditor::erase(size_t row) {
  write_text("\r" + (row > 0 ? "\x1b[" + std::to_string(row) + "A" : std::string()) + "\x1b[J");
}

/// Shows the line where it was shown before, with the cursor in row `row` of it: EL_REFRESH draws all
/// of it from wherever the cursor is.
void LineEditor::redraw(size_t row) {
  erase(row);
  el_set(editor_.get(), EL_REFRESH);
}

/// Leaves the line as it is on the screen: the cursor behind its last row.
Got LineEditor::leave(Got what) {
  read_line();
  const size_t row = cursor_row(), last = rows_of(prompt_ + text_, terminal_columns());
  end();
  write_text(std::string(last > row ? last - row : 0, '\n'));
  if (what == Got::kInterrupt) write_text(last > row ? "\r^C" : "^C");
  write_text("\n");
  return what;
}

bool LineEditor::may_read() {
  if (only_pending_) {
    pollfd ready{STDIN_FILENO, POLLIN, 0};
    if (poll(&ready, 1, 0) <= 0) {
      has_none_ = true;
      return false;
    }
  }
  only_pending_ = false;
  return true;
}

Got LineEditor::next(int wait_ms) {
  if (g_is_resized != 0) {
    g_is_resized = 0;
    const size_t row = cursor_row();
    el_resize(editor_.get());
    redraw(row);
  }
  if (const Got asked = asked_by_signal(host_); asked != Got::kIdle) return leave(asked);
  pollfd ready{STDIN_FILENO, POLLIN, 0};
  if (poll(&ready, 1, wait_ms < 0 || wait_ms > kSignalLookMs ? kSignalLookMs : wait_ms) <= 0)
    return Got::kIdle;
  // What ended a search is kept by libedit as the next key, and so are the keys of a binding: until it has
  // none left, for poll() knows nothing of them.
  pressed_ = Got::kIdle;
  only_pending_ = has_none_ = false;
  while (!has_none_) {
    int count = 0;  // says nothing: an empty line looks like an error
    el_gets(editor_.get(), &count);
    if (is_lost_) return leave(Got::kEnd);
    if (pressed_ == Got::kComplete) {
      read_line();
      return Got::kComplete;
    }
    if (pressed_ != Got::kIdle) return leave(pressed_);
    only_pending_ = true;
  }
  return Got::kIdle;
}

void LineEditor::replace(size_t characters, const std::string& text) {
  const size_t row = cursor_row();
  if (characters > 0) el_deletestr(editor_.get(), static_cast<int>(characters));
  if (!text.empty()) el_insertstr(editor_.get(), text.c_str());
  redraw(row);
}

/// After others wrote: the prompt and the line as they were, which libedit forgot.
void LineEditor::resume(const std::string& line, size_t behind) {
  el_set(editor_.get(), EL_UNBUFFERED, 1);  // shows the prompt
  if (line.empty()) return;
  el_insertstr(editor_.get(), line.c_str());
  if (behind > 0) el_cursor(editor_.get(), -static_cast<int>(behind));
  redraw(rows_of(prompt_, terminal_columns()));
}

/// libedit knows nothing of what others write: its rows are taken away, and shown anew below.
void LineEditor::print_above(const std::string& text) {
  read_line();
  const std::string line = text_;
  const size_t behind = characters_in(line.data() + cursor_, line.data() + line.size());
  erase(cursor_row());
  el_set(editor_.get(), EL_UNBUFFERED, 0);
  write_text(text);
  resume(line, behind);
}

void LineEditor::set_prompt(const std::string& prompt) {
  if (prompt == prompt_) return;
  const size_t row = cursor_row();
  prompt_ = prompt;
  redraw(row);
}

void LineEditor::beep() { el_beep(editor_.get()); }

void LineEditor::remember(const std::string& line) {
  HistEvent event;
  if (!line.empty()) history(history_.get(), &event, H_ENTER, line.c_str());
}

/// Stops as any program does on Ctrl-Z, and goes on with the same line.
void LineEditor::suspend() {
  read_line();
  const std::string line = text_;
  el_set(editor_.get(), EL_UNBUFFERED, 0);
  write_text("\n");
  raise(SIGTSTP);
  resume(line, 0);
}

}  // namespace oc::lua
