#pragma once

#include <histedit.h>

#include <memory>
#include <string>

#include "abi/host.h"
#include "base/result.h"
#include "lua/line_reader.h"

namespace oc::lua {

/// A line typed at the terminal, edited and completed, with what was typed before: libedit.
///
///     begin(prompt) ─ next ─ next ─ … kLine/kEnd/kInterrupt     the terminal is the editor's
///                       │ kIdle: the caller does what it has to do, print_above() and set_prompt()
///                       │ kComplete: text() and cursor() are there, replace() answers
///
/// The editor calls nobody: it is asked again and again (libedit's unbuffered mode, a key at a time),
/// so that Lua pulls here as everywhere. Ctrl-C and Ctrl-Z are keys, no signals, while it reads.
/// Texts are UTF-8, whatever the locale is. The main thread's; one at a time.
class LineEditor {
 public:
  static constexpr int kHistory = 5000;

  /// An Error where this terminal cannot be edited on: no terminal, TERM unknown or "dumb".
  static base::Result<std::unique_ptr<LineEditor>> open(oc_host& host);
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  /// Shows the prompt of an empty line; the terminal is raw until `next` gives an end of it.
  void begin(const std::string& prompt);
  /// Waits for a key, at most so long, and handles it.
  Got next(int wait_ms);
  /// What is typed so far, or the whole line. Lent until the next call.
  const std::string& text() const { return text_; }
  /// Where the cursor stands in it, bytes.
  size_t cursor() const { return cursor_; }
  /// Takes so many characters before the cursor away and puts `text` there.
  void replace(size_t characters, const std::string& text);
  /// Writes whole lines above the line that is being typed.
  void print_above(const std::string& text);
  void set_prompt(const std::string& prompt);
  /// Rings the terminal's bell.
  void beep();
  /// Makes a line one of those that the arrows and Ctrl-R find.
  void remember(const std::string& line);
  /// Gives the terminal back before the line is there.
  void end();

  /// Called by libedit for the keys that are bound to them.
  void press(Got what) { pressed_ = what; }
  const char* prompt() const { return prompt_.c_str(); }
  bool is_empty() const;
  bool may_read();
  /// A byte that came: a Ctrl-D that was typed while a line ran.
  char as_typed(char byte);
  /// The terminal went away.
  void lose() { is_lost_ = true; }
  void suspend();

 private:
  explicit LineEditor(oc_host& host) : host_(host) {}
  void bind_keys();
  void read_line();
  size_t cursor_row() const;
  void erase(size_t row);
  void redraw(size_t row);
  void resume(const std::string& line, size_t behind);
  Got leave(Got what);

  struct Ender {
    void operator()(EditLine* editor) const { el_end(editor); }
    void operator()(History* history) const { history_end(history); }
  };
  oc_host& host_;
  std::unique_ptr<History, Ender> history_;
  std::unique_ptr<EditLine, Ender> editor_;
  std::string prompt_, text_;
  size_t cursor_ = 0;
  Got pressed_ = Got::kIdle;
  int ahead_ = 0;              ///< bytes that were typed before the line began
  bool only_pending_ = false;  ///< nothing more is to be waited for
  bool has_none_ = false;      ///< and there was nothing
  bool is_lost_ = false;
  bool is_open_ = false;
};

}  // namespace oc::lua
