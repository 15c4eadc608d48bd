#include "symbol/demangle.h"

#define HAVE_DECL_BASENAME 1  // the system declares it, with another type
#include <libiberty/demangle.h>
#include <setjmp.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace oc::symbol {
namespace {

/// libiberty gives up at 1024 (its recursion limit); without that limit a name of 4096 letters takes less than 1 MB of stack in every
/// form that was tried.
constexpr size_t kMostMangled = 4096;
constexpr size_t kMostNameBytes = 64 << 10;

/// Takes pieces from libiberty until there is no room: then its C frames, which own nothing, are left by longjmp. Every
/// other way lets a name of 100 bytes write for years.
struct Output {
  jmp_buf full;
  size_t size_bytes = 0;
  uint32_t pieces = 0;
  char* bytes = nullptr;  ///< kMostNameBytes
};

void take(const char* piece, size_t size, void* output) {
  auto& out = *static_cast<Output*>(output);
  if (size > kMostNameBytes - out.size_bytes || ++out.pieces > kMostNameBytes) longjmp(out.full, 1);
  if (size != 0) std::memcpy(out.bytes + out.size_bytes, piece, size);
  out.size_bytes += size;
}

using Demangler = int (*)(const char*, int, demangle_callbackref, void*);

/// Empty when it cannot be read. No object with a destructor may live here: see Output.
size_t run(Demangler demangler, const char* mangled, int options, Output& out) {
  if (setjmp(out.full) != 0) return 0;
  return demangler(mangled, options, take, &out) != 0 ? out.size_bytes : 0;
}

std::string call(Demangler demangler, const std::string& mangled, int options) {
  thread_local const std::unique_ptr<char[]> room(new char[kMostNameBytes]);
  Output out;
  out.bytes = room.get();
  const size_t size = run(demangler, mangled.c_str(), options, out);
  return {room.get(), size};
}

/// D has no such interface. What can grow there is what is referred to (Q and letters) again and again: with 40
/// references, at most 3^13 parts.
std::string demangle_d(const std::string& mangled) {
  if (std::count(mangled.begin(), mangled.end(), 'Q') > 40) return {};
  const std::unique_ptr<char, void (*)(void*)> text(dlang_demangle(mangled.c_str(), 0), std::free);
  return text ? std::string(text.get()) : std::string();
}

/// "_ZN4core3fmt5write17h0123456789abcdefE": C++'s way with a hash as last part.
bool is_legacy_rust(std::string_view name) {
  constexpr size_t kHash = 17;
  if (!name.starts_with("_ZN") || name.size() < kHash + 6) return false;
  size_t end = name.rfind('E');
  if (end == name.npos || end < kHash + 3 + 2) return false;
  const auto hash = name.substr(end - kHash, kHash);
  return name.substr(end - kHash - 2, 2) == "17" && hash[0] == 'h' &&
         hash.find_first_not_of("0123456789abcdef", 1) == hash.npos;
}

std::string read(const std::string& name, NameForm form) {
  const int options = (form == NameForm::kFull ? DMGL_PARAMS | DMGL_ANSI : DMGL_NO_OPTS) |
                      (name.size() > 1000 ? DMGL_NO_RECURSE_LIMIT : 0);
  if (name.starts_with("_R") || is_legacy_rust(name)) {
    auto text = call(rust_demangle_callback, name, options);
    if (!text.empty()) return text;
  }
  if (name.starts_with("_Z") || name.starts_with("__Z") || name.starts_with("_GLOBAL_"))
    return call(cplus_demangle_v3_callback, name, options);
  if (name.starts_with("_D") && name.size() > 2 && name[2] >= '0' && name[2] <= '9')
    return demangle_d(name);
  return {};
}

}  // namespace

std::string demangle(std::string_view name, NameForm form) {
  const size_t at = name.find('@', 1);
  const auto bare = name.substr(0, at);
  const bool may_be_mangled = bare.size() > 3 && bare[0] == '_' && bare.size() <= kMostMangled;
  if (!may_be_mangled) return std::string(name);
  auto text = read(std::string(bare), form);
  if (text.empty()) return std::string(name);
  if (at != name.npos) text += name.substr(at);
  return text;
}

}  // namespace oc::symbol
