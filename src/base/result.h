#pragma once

#include <string>
#include <utility>
#include <variant>

namespace oc::base {

/// What kind of failure an Error is; the command line maps it to an exit status.
enum class Code {
  kInvalid,      ///< the input (a file, a text) is not what it should be
  kNotFound,     ///< something named does not exist
  kPermission,   ///< the system refuses it to this user
  kSystem,       ///< a system call failed for another reason
  kUnsupported,  ///< valid, but not done by this program
  kUsage,        ///< the caller asked for something that makes no sense
};

/// A failure in one sentence, with what the user can do about it.
struct Error {
  Code code = Code::kInvalid;
  int sys_errno = 0;  ///< 0 when no system call failed
  std::string what;   ///< a sentence with the path, cpu or offset
  std::string hint;   ///< what the user can do; may be empty

  /// The same error with `prefix: ` before the sentence.
  Error context(const std::string& prefix) && {
    what = prefix + ": " + what;
    return std::move(*this);
  }
};

inline Error make_error(Code code, std::string what, std::string hint = {}) {
  return Error{code, 0, std::move(what), std::move(hint)};
}

/// An Error from `errno`-style number `number`: "what: No such file or directory".
Error system_error(int number, const std::string& what, std::string hint = {});

/// A value or an Error. Damaged or partial data is not an Error (see HACKING.md).
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const { return state_.index() == 0; }
  T& operator*() { return std::get<0>(state_); }
  const T& operator*() const { return std::get<0>(state_); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }
  Error& error() { return std::get<1>(state_); }
  const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), failed_(true) {}

  explicit operator bool() const { return !failed_; }
  Error& error() { return error_; }
  const Error& error() const { return error_; }

 private:
  Error error_;
  bool failed_ = false;
};

using Status = Result<void>;

}  // namespace oc::base
