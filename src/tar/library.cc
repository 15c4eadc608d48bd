#include "tar/library.h"

#include <dlfcn.h>

#include <string>

namespace oc::tar {

namespace {

constexpr const char* kFile = "libarchive.so.13";

base::Result<Library> load() {
  void* const handle = dlopen(kFile, RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    return base::make_error(base::Code::kUnsupported,
                            std::string("cannot load the library for archives: ") + dlerror(),
                            "apt-get install libarchive13");
  }
  Library library;
  bool is_whole = true;
#define OC_TAR_FIND(name)                                                        \
  library.name = reinterpret_cast<decltype(library.name)>(dlsym(handle, #name)); \
  is_whole = is_whole && library.name != nullptr;
  OC_TAR_FUNCTIONS(OC_TAR_FIND)
#undef OC_TAR_FIND
  if (!is_whole) {
    return base::make_error(base::Code::kUnsupported,
                            std::string(kFile) + " lacks functions that archives need",
                            "install libarchive 3.3 or later");
  }
  return library;
}

}  // namespace

base::Result<const Library*> load_library() {
  static const base::Result<Library> kLibrary = load();
  if (!kLibrary) return kLibrary.error();
  return &*kLibrary;
}

}  // namespace oc::tar
