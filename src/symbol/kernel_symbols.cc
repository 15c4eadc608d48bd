#include "symbol/kernel_symbols.h"

#include <elf.h>
#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <optional>

#include "elf/build_id.h"
#include "elf/file.h"
#include "elf/symbol_section.h"
#include "symbol/build_id_path.h"
#include "symbol/kallsyms.h"
#include "symbol/kept_names.h"
#include "symbol/symbol_table.h"
#include "sys/files.h"

namespace oc::symbol {
namespace {

constexpr size_t kMostText = size_t{256} << 20;
/// Enough to meet _stext: it is among the first, or behind the per-CPU variables of older kernels.
constexpr size_t kHeadText = size_t{8} << 10, kLongHeadText = size_t{256} << 10;

std::string running_release() {
  utsname name{};
  return uname(&name) == 0 ? name.release : "";
}

/// Names of modules and where they lie: what changes when one is loaded. Counts of users change all the time.
uint64_t hash_modules(const std::string& text) {
  std::string kept;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    kept += line.substr(0, line.find(' '));
    const size_t address = line.find(" 0x");
    if (address != line.npos) kept += line.substr(address);
    kept += '\n';
    at = end + 1;
  }
  return XXH3_64bits(kept.data(), kept.size());
}

/// kernel/ksyms_common.c: 0 shows them where perf_event_paranoid is at most 1 or with CAP_SYSLOG, 1 with CAP_SYSLOG, 2
/// never.
std::string hidden_reason(const std::string& proc) {
  const std::string restrict = sys::read_line(proc + "/sys/kernel/kptr_restrict");
  const std::string rights = geteuid() == 0 ? "give oc CAP_SYSLOG" : "run oc as root";
  if (restrict == "0") {
    return fmt::format(
        "the kernel hides its addresses (kernel.perf_event_paranoid is {}): {}, or: sysctl "
        "kernel.perf_event_paranoid=1",
        sys::read_line(proc + "/sys/kernel/perf_event_paranoid"), rights);
  }
  const std::string how = restrict == "2" ? "sysctl kernel.kptr_restrict=1, and " + rights
                                          : rights +
                                                ", or: sysctl kernel.kptr_restrict=0 "
                                                "kernel.perf_event_paranoid=1";
  return fmt::format("the kernel hides its addresses (kernel.kptr_restrict is {}): {}",
                     restrict.empty() ? "unknown" : restrict, how);
}

}  // namespace

struct KernelSymbols::State {
  explicit State(Settings given) : settings(std::move(given)), kept(settings.cache) {}

  void load();
  bool is_running() const;
  bool load_running();
  bool load_from(const std::string& text, const std::string& whence);
  bool load_vmlinux(const std::string& path);
  bool load_archives();
  bool take(KernelNames names, std::string whence);
  void relocate(uint64_t own_text, uint64_t own_start);

  Settings settings;
  KeptNames kept;
  std::optional<KernelIdentity> identity;
  std::vector<uint8_t> running_id;
  bool is_loaded = false;
  KernelNames names;
  std::optional<elf::File> vmlinux;
  SymbolTable table;
  uint64_t moved = 0;  ///< what the trace's kernel is above the table's
  std::string reason, origin;
};

KernelSymbols::KernelSymbols(Settings settings)
    : state_(std::make_unique<State>(std::move(settings))) {}
KernelSymbols::~KernelSymbols() = default;

void KernelSymbols::use(KernelIdentity identity) { state_->identity = std::move(identity); }

bool KernelSymbols::State::is_running() const {
  if (!settings.may_be_running) return false;
  if (!identity) return true;
  if (!identity->build_id.empty()) return identity->build_id == running_id;
  const auto own = settings.release.empty() ? running_release() : settings.release;
  return !identity->release.empty() && identity->release == own;
}

void KernelSymbols::State::load() {
  is_loaded = true;
  if (!identity && !settings.may_be_running) identity.emplace();
  const std::string notes = sys::read_text(settings.notes);
  running_id =
      elf::find_build_id_note({reinterpret_cast<const uint8_t*>(notes.data()), notes.size()});
  if (identity && load_from(identity->kallsyms, "the trace's kallsyms")) return;
  if (is_running()) {
    load_running();
    return;
  }
  if (load_archives()) return;
  const std::string map = settings.boot + "/System.map-" + identity->release;
  if (identity->build_id.empty() && !identity->release.empty() &&
      load_from(sys::read_text(map, kMostText), map))
    return;
  if (reason.empty()) {
    const std::string id = identity->build_id.empty() ? "" : build_id_text(identity->build_id);
    reason = fmt::format(
        "the trace is of another kernel ({}{}{}) than runs here, and no archive holds its symbols",
        identity->release, identity->release.empty() || id.empty() ? "" : ", build id ", id);
  }
}

bool KernelSymbols::State::take(KernelNames found, std::string whence) {
  if (found.symbols.empty()) return false;
  names = std::move(found);
  table = SymbolTable(std::move(names.symbols), names.names);
  names.symbols.clear();
  origin = std::move(whence);
  relocate(names.text, names.text_start);
  return true;
}

/// A kernel lies elsewhere in each boot (KASLR): names of another boot are moved by the difference of its text.
void KernelSymbols::State::relocate(uint64_t own_text, uint64_t own_start) {
  if (!identity || identity->text_start == 0) return;
  const uint64_t own = identity->text_symbol == "_text" ? own_text : own_start;
  if (own != 0) moved = identity->text_start - own;
}

bool KernelSymbols::State::load_from(const std::string& text, const std::string& whence) {
  return !text.empty() && take(parse_kallsyms(text), whence);
}

bool KernelSymbols::State::load_running() {
  const std::string path = settings.proc + "/kallsyms";
  KernelNames head = parse_kallsyms(sys::read_text(path, kHeadText));
  if (head.text_start == 0) head = parse_kallsyms(sys::read_text(path, kLongHeadText));
  if (head.symbols.empty() && head.hidden != 0) {
    reason = hidden_reason(settings.proc);
    return false;
  }
  std::string key;
  if (head.text_start != 0 && !running_id.empty()) {
    const std::string modules = sys::read_text(settings.proc + "/modules", size_t{16} << 20);
    key = fmt::format("kallsyms-{}-{:x}-{:x}", build_id_text(running_id), head.text_start,
                      hash_modules(modules));
    if (auto found = kept.find(key); found && take(std::move(*found), path + ", kept by oc"))
      return true;
  }
  KernelNames found = parse_kallsyms(sys::read_text(path, kMostText));
  SymbolTable::sort(found.symbols);  // once, for all that read what is kept
  if (!key.empty() && !found.symbols.empty()) kept.add(key, found);
  if (take(std::move(found), path)) return true;
  reason = path + " lists no functions";
  return false;
}

bool KernelSymbols::State::load_vmlinux(const std::string& path) {
  auto file = elf::File::open(path);
  if (!file) return false;
  if (file->build_id() != identity->build_id) {
    reason = path + " has another build id than the trace's kernel";
    return false;
  }
  vmlinux.emplace(std::move(*file));
  table = SymbolTable(&*vmlinux, nullptr, nullptr);
  if (table.symbols().empty()) return false;
  uint64_t text = 0, start = 0;
  const elf::SymbolSection listed(*vmlinux, SHT_SYMTAB);
  for (size_t i = 0; i < listed.size(); ++i) {
    const auto name = listed.name(listed[i]);
    if (name == "_text") text = listed[i].value;
    if (name == "_stext") start = listed[i].value;
  }
  relocate(text != 0 ? text : start, start != 0 ? start : text);
  origin = path;
  return true;
}

bool KernelSymbols::State::load_archives() {
  if (identity->build_id.size() < 2) return false;
  for (const std::string& archive : settings.archives) {
    const std::string place = build_id_path(archive, identity->build_id);
    if (load_from(sys::read_text(place + "/kallsyms", kMostText), place + "/kallsyms")) return true;
    for (const char* name : {"/vmlinux", "/elf", ""}) {
      if (load_vmlinux(place + name)) return true;
    }
  }
  return false;
}

KernelSymbols::Found KernelSymbols::find(uint64_t address) {
  if (!state_->is_loaded) state_->load();
  const auto* symbol = state_->table.find(address - state_->moved);
  if (symbol == nullptr || state_->table.name(*symbol).empty()) return {};
  Found found{state_->table.name(*symbol), {}, symbol->start + state_->moved};
  if (!state_->vmlinux) found.module = module_of(state_->names.names, symbol->name);
  // Modules of another boot lay elsewhere, and not by the same distance.
  if (state_->moved != 0 && !found.module.empty()) return {};
  return found;
}

const std::string& KernelSymbols::reason() {
  if (!state_->is_loaded) state_->load();
  return state_->reason;
}

size_t KernelSymbols::size() {
  if (!state_->is_loaded) state_->load();
  return state_->table.symbols().size();
}

const std::string& KernelSymbols::origin() {
  if (!state_->is_loaded) state_->load();
  return state_->origin;
}

}  // namespace oc::symbol
