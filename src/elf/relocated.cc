#include "elf/relocated.h"

#include <elf.h>
#include <elfutils/libdwfl.h>
#include <gelf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string_view>

#include "base/fd.h"
#include "elf/image.h"

namespace oc::elf {
namespace {

using base::Code;
using base::make_error;

/// libdwfl opens nothing by itself: neither the file nor a debug file of it.
int find_no_elf(Dwfl_Module*, void**, const char*, Dwarf_Addr, char**, Elf**) { return -1; }
int find_no_debug(Dwfl_Module*, void**, const char*, Dwarf_Addr, const char*, const char*,
                  GElf_Word, char**) {
  return -1;
}

struct End {
  void operator()(Dwfl* dwfl) const { dwfl_end(dwfl); }
};

/// It wants a file; this one has no name. The bytes are as they are in the file.
base::Result<base::Fd> put_in_memory(const File& file) {
  base::Fd fd(memfd_create("oc-relocatable", MFD_CLOEXEC));
  if (!fd) return base::system_error(errno, "cannot make a file in memory");
  auto left = file.bytes();
  while (!left.empty()) {
    const ssize_t written = write(fd.number(), left.data(), left.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return base::system_error(errno, "cannot keep " + file.name() + " in memory");
    left = left.subspan(static_cast<size_t>(written));
  }
  return fd;
}

}  // namespace

std::optional<uint64_t> Relocated::find_address(uint64_t file_offset) const {
  for (const Part& part : parts_) {
    if (file_offset - part.offset < part.size_bytes)
      return file_offset - part.offset + part.address;
  }
  return {};
}

base::Result<Relocated> Relocated::make(const File& file) {
  if (!file.is_64() || !file.is_native_order())
    return make_error(Code::kUnsupported, file.name() + " is of another kind of machine");
  auto memory = put_in_memory(file);
  if (!memory) return std::move(memory.error());
  static const Dwfl_Callbacks kCallbacks = {find_no_elf, find_no_debug,
                                            dwfl_offline_section_address, nullptr};
  const std::unique_ptr<Dwfl, End> dwfl(dwfl_begin(&kCallbacks));
  const auto failed = [&] {
    const char* const why = dwfl_errmsg(-1);
    return make_error(Code::kInvalid, "cannot relocate " + file.name() + ": " +
                                          (why == nullptr ? "libdwfl fails" : why));
  };
  if (dwfl == nullptr) return failed();
  const int own = dup(memory->number());  // goes over to libdwfl, unless it fails
  Dwfl_Module* const module = dwfl_report_offline(dwfl.get(), "it", file.name().c_str(), own);
  if (module == nullptr) {
    close(own);
    return failed();
  }
  dwfl_report_end(dwfl.get(), nullptr, nullptr);
  Dwarf_Addr bias = 0;
  Dwarf* const dwarf = dwfl_module_getdwarf(module, &bias);
  Elf* const elf = dwarf == nullptr ? nullptr : dwarf_getelf(dwarf);
  size_t names = 0;
  if (elf == nullptr || elf_getshdrstrndx(elf, &names) != 0) return failed();

  Image image(file.machine());
  std::vector<Part> parts;
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf, section)) != nullptr;) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) == nullptr) return failed();
    const char* const told = elf_strptr(elf, names, header.sh_name);
    const std::string_view name = told == nullptr ? "" : told;
    if ((header.sh_flags & SHF_EXECINSTR) != 0 && header.sh_size != 0) {
      image.add_code(name, header.sh_addr + bias, header.sh_size);
      parts.push_back({header.sh_offset, header.sh_size, header.sh_addr + bias});
    } else if (name.starts_with(".debug_") && header.sh_type != SHT_NOBITS) {
      const Elf_Data* const data = elf_rawdata(section, nullptr);
      if (data != nullptr && data->d_buf != nullptr)
        image.add(name, {static_cast<const uint8_t*>(data->d_buf), data->d_size});
    }
  }
  auto made = image.finish(file.name());
  if (!made) return std::move(made.error());
  Relocated relocated(std::move(*made));
  relocated.parts_ = std::move(parts);
  return relocated;
}

}  // namespace oc::elf
