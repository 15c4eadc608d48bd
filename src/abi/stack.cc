#include "abi/calls.h"

extern "C" {
#include "abi/stack.h"
}

using oc::abi::guarded_or;
using oc::process::FrameId;
using oc::process::StackId;
using oc::session::StackMode;

namespace {

oc_text lent_text(std::string_view text) { return {text.data(), text.size()}; }

const oc::session::StackTables* tables_of(oc_session* session) {
  return session->session.stacks().tables();
}

bool fits(const oc_unwind_rule& rule) {
  constexpr int32_t kMost = INT16_MAX;
  for (const int32_t words : {rule.cfa, rule.ra, rule.fp}) {
    if (words < -kMost - 1 || words > kMost) return false;
  }
  return rule.base >= 0 && rule.base <= 2 && rule.offset + rule.size_bytes > rule.offset;
}

/// Requires: it fits.
oc::unwind::Rule made_of(const oc_unwind_rule& rule) {
  using oc::unwind::RuleKind;
  constexpr RuleKind kBases[] = {RuleKind::kStack, RuleKind::kFrame, RuleKind::kOutermost};
  oc::unwind::Rule made;
  made.kind = kBases[rule.base];
  made.cfa = static_cast<int16_t>(rule.cfa);
  made.link = static_cast<int16_t>(rule.ra);
  made.frame = static_cast<int16_t>(rule.fp);
  return made;
}

}  // namespace

extern "C" {

void oc_session_stacks(oc_session* session, uint32_t mode, int with_places) {
  session->session.stacks().declare(static_cast<StackMode>(std::min(mode, 2u)), with_places != 0);
}

void oc_session_use_debuginfod(oc_session* session) {
  const oc_host& host = session->host;
  session->session.stacks().use_debuginfod(
      [&host] { return host.stop_requests.load(std::memory_order_relaxed) != 0; });
}

int oc_session_stack(oc_session* session, uint32_t stack, oc_stack_frames* out) {
  *out = oc_stack_frames{};
  out->reason = "";
  const auto* tables = tables_of(session);
  if (tables == nullptr || stack > tables->stacks.size()) return -1;
  const auto view = tables->stacks.find(StackId{stack});
  out->frames = view.frames.data();
  out->count = static_cast<uint32_t>(view.frames.size());
  out->kernel_count = view.kernel_frames;
  out->reason = describe(view.end).data();
  return 0;
}

void oc_session_resolve_stacks(oc_session* session, const uint32_t* stacks, uint32_t count) {
  guarded_or(0, [&] {
    session->session.stacks().resolve({stacks, count});
    return 0;
  });
}

int oc_session_place(oc_session* session, uint32_t frame, oc_place* out) {
  *out = oc_place{};
  out->source = "";
  return guarded_or(-1, [&] {
    const auto* tables = tables_of(session);
    if (tables == nullptr || frame > tables->frames.size()) return -1;
    const auto place = session->session.stacks().names()->find(FrameId{frame});
    out->name = lent_text(place.function);
    out->full_name = lent_text(place.full_name);
    out->module = lent_text(place.module);
    out->source = place.source.data();
    out->offset = place.offset;
    out->mark = oc::process::FrameTable::mark(tables->frames.find(FrameId{frame}), tables->modules);
    out->function_offset = place.function_offset;
    out->has_address = place.has_address ? 1 : 0;
    out->is_kernel = place.is_kernel ? 1 : 0;
    out->calls = place.calls;
    return 0;
  });
}

int oc_session_call(oc_session* session, uint32_t frame, uint32_t index, oc_call* out) {
  *out = oc_call{};
  return guarded_or(-1, [&] {
    const auto* tables = tables_of(session);
    if (tables == nullptr || frame > tables->frames.size()) return -1;
    const auto call = session->session.stacks().names()->call(FrameId{frame}, index);
    *out = {lent_text(call.function), lent_text(call.full_name), lent_text(call.file), call.line};
    return 0;
  });
}

void oc_session_add_symbol(oc_session* session, const char* module, uint64_t offset,
                           uint64_t size_bytes, const char* name) {
  guarded_or(0, [&] {
    session->session.stacks().add_symbol(module, offset, size_bytes, name);
    return 0;
  });
}

uint32_t oc_session_unnamed(oc_session* session, uint32_t* cursor, uint32_t* frames,
                            uint32_t capacity) {
  return guarded_or(0u, [&] {
    auto* names = session->session.stacks().names();
    return names == nullptr ? 0u : names->list_unnamed(*cursor, {frames, capacity});
  });
}

void oc_session_tell_place(oc_session* session, uint32_t frame, const char* name,
                           const char* full_name, const char* file, uint32_t line) {
  guarded_or(0, [&] {
    const auto text = [](const char* from) { return from == nullptr ? "" : from; };
    const auto* tables = tables_of(session);
    if (tables == nullptr || frame == 0 || frame > tables->frames.size()) return 0;
    session->session.stacks().names()->tell(FrameId{frame},
                                            {text(name), text(full_name), text(file), line});
    if (auto* machine = session->session.machine()) machine->places.forget_name(frame);
    return 0;
  });
}

void oc_session_forget_told(oc_session* session) {
  guarded_or(0, [&] {
    auto* names = session->session.stacks().names();
    if (names == nullptr) return 0;
    names->forget_told();
    if (auto* machine = session->session.machine()) machine->places.forget_names();
    return 0;
  });
}

int oc_session_add_unwind_rules(oc_session* session, const char* module,
                                const oc_unwind_rule* rules, uint32_t count) {
  return guarded_or(-1, [&] {
    std::vector<oc::session::GivenUnwind::Given> given;
    for (uint32_t i = 0; i < count; ++i) {
      if (!fits(rules[i])) return static_cast<int>(i) + 1;
      given.push_back({rules[i].offset, rules[i].size_bytes, made_of(rules[i])});
    }
    session->session.stacks().given_unwind().add(module, std::move(given));
    return 0;
  });
}

const char* oc_session_reason(oc_session* session, uint32_t frame) {
  return guarded_or("", [&] {
    const auto* tables = tables_of(session);
    if (tables == nullptr || frame > tables->frames.size()) return "";
    session->text = session->session.stacks().names()->reason(FrameId{frame});
    return session->text.c_str();
  });
}

void oc_session_stack_stats(oc_session* session, oc_stack_stats* out) {
  const auto number = [](uint64_t value) { return static_cast<double>(value); };
  const auto counts = session->session.stacks().counts();
  *out = oc_stack_stats{};
  out->samples = number(counts.samples);
  out->frames = number(counts.frames);
  out->unwound = number(counts.unwound);
  out->unwound_frames = number(counts.unwound_frames);
  out->chains = number(counts.chains);
  out->short_chains = number(counts.short_chains);
  out->stacks = number(counts.stacks);
  out->distinct_frames = number(counts.distinct_frames);
  out->modules = number(counts.modules);
  out->bytes = number(counts.size_bytes);
}

const char* oc_session_stack_end(oc_session* session, uint32_t index, double* samples) {
  *samples = 0;
  if (index >= oc::process::kStackEnds) return nullptr;
  *samples = static_cast<double>(session->session.stacks().counts().by_end[index]);
  return describe(static_cast<oc::process::StackEnd>(index)).data();
}

}  // extern "C"
