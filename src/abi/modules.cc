#include "abi/calls.h"
#include "session/trace_archive.h"
#include "session/trace_modules.h"
#include "symbol/build_id_path.h"

extern "C" {
#include "abi/modules.h"
}

using namespace oc::abi;
using oc::process::ModuleKind;

struct oc_modules {
  oc_session& session;
  oc::session::TraceModules counted;
  std::vector<oc::session::TraceModules::Use> uses;
  oc::symbol::ModuleFacts facts;
  std::string path, build_id;
  std::vector<oc::session::Archived> archived;
};

extern "C" {

oc_modules* oc_modules_new(oc_session* session) {
  return new oc_modules{*session, {}, {}, {}, {}, {}, {}};
}

void oc_modules_close(oc_modules* modules) { delete modules; }

void oc_modules_count(oc_modules* modules) {
  guarded_or(0, [&] {
    const oc_session& session = modules->session;
    modules->counted.add({session.loop.events, session.batch_count});
    return 0;
  });
}

int oc_modules_finish(oc_modules* modules, int all, int with_names) {
  return guarded(&modules->session, [&] {
    auto& stacks = modules->session.session.stacks();
    if (stacks.tables() == nullptr) return 0;
    modules->uses = modules->counted.finish(*stacks.tables(), *stacks.names(), with_names != 0);
    if (all == 0) std::erase_if(modules->uses, [](const auto& use) { return use.in_stacks == 0; });
    return static_cast<int>(modules->uses.size());
  });
}

int oc_modules_read(oc_modules* modules, uint32_t index, oc_module* out) {
  *out = oc_module{};
  return guarded_or(0, [&] {
    if (index >= modules->uses.size()) return 0;
    auto& stacks = modules->session.session.stacks();
    const auto& use = modules->uses[index];
    const auto& module = stacks.tables()->modules.find(use.module);
    auto& facts = modules->facts;
    facts = stacks.names()->describe(use.module);
    modules->path = stacks.names()->module_name(use.module);
    modules->build_id = oc::symbol::build_id_text(module.build_id.view());
    out->path = modules->path.c_str();
    out->build_id = modules->build_id.c_str();
    out->names_from = facts.symbols == 0 ? "" : text_of(facts.names).data();
    out->origin = facts.origin.c_str();
    out->file = facts.file.c_str();
    out->debug = facts.debug.c_str();
    out->reason = facts.reason.c_str();
    out->no_lines = facts.no_lines.c_str();
    out->symbols = static_cast<double>(facts.symbols);
    out->samples = static_cast<double>(use.samples);
    out->in_stacks = static_cast<double>(use.in_stacks);
    out->named = static_cast<double>(use.named);
    out->pid = module.kind == ModuleKind::kMemory ? module.pid : 0;
    out->is_verified = facts.is_verified ? 1 : 0;
    return 1;
  });
}

const char* oc_modules_tried(oc_modules* modules, uint32_t index) {
  const auto& tried = modules->facts.tried;
  return index < tried.size() ? tried[index].c_str() : nullptr;
}

int oc_modules_archive(oc_modules* modules, const char* trace, const char* output, int replaces) {
  oc_session* const session = &modules->session;
  return guarded(session, [&] {
    const oc_host& host = session->host;
    auto& stacks = session->session.stacks();
    std::vector<oc::process::ModuleId> ids;
    for (const auto& use : modules->uses) ids.push_back(use.module);
    auto archived = oc::session::write_archive(
        {trace, output, replaces != 0}, *stacks.tables(), *stacks.names(), ids,
        [&host] { return host.stop_requests.load(std::memory_order_relaxed) != 0; });
    if (!archived) return fail(session, std::move(archived.error()));
    modules->archived = std::move(*archived);
    return 0;
  });
}

int oc_modules_archived(oc_modules* modules, uint32_t index, oc_archived* out) {
  *out = oc_archived{};
  if (index >= modules->archived.size()) return 0;
  const auto& one = modules->archived[index];
  *out = {one.what.c_str(), one.name.c_str(), one.reason.c_str(),
          static_cast<double>(one.size_bytes)};
  return 1;
}

}  // extern "C"
