#include <exception>
#include <string_view>
#include <utility>

#include "abi/calls.h"
#include "event/text_glob.h"

extern "C" {
#include "abi/filter.h"
}

using oc::event::FilterNode;
using oc::session::EventKinds;

namespace {

oc_filter_node flat(const FilterNode& node) {
  oc_filter_node out{};
  out.op = static_cast<uint32_t>(node.op);
  out.negated = node.negated ? 1 : 0;
  out.count = node.count;
  out.type = static_cast<uint32_t>(node.field.type);
  out.place = static_cast<uint32_t>(node.field.place);
  out.index = node.field.index;
  out.size = node.field.size;
  out.is_signed = node.field.is_signed ? 1 : 0;
  out.bits = node.bits;
  out.number = node.number;
  out.text = node.text.c_str();
  out.text_size = static_cast<uint32_t>(node.text.size());
  return out;
}

}  // namespace

extern "C" {

const oc_filter_node* oc_session_check_filter(oc_session* session, uint32_t kind, const char* text,
                                              const oc_filter_alias* aliases, uint32_t alias_count,
                                              uint32_t* count) {
  *count = 0;
  try {
    std::vector<oc::event::FilterAlias> named;
    for (uint32_t i = 0; i < alias_count; ++i) {
      const auto type = static_cast<oc::event::FilterField::Type>(aliases[i].type);
      named.push_back({aliases[i].name, type, aliases[i].payload_field});
    }
    session->nodes.clear();
    session->kernel_filter.clear();
    auto filter = session->session.kinds().check_filter(kind, text, std::move(named));
    if (!filter) {
      oc::abi::fail(session, std::move(filter.error()));
      return nullptr;
    }
    session->filter = std::move(*filter);
    const auto kernel = session->session.kinds().make_kernel_filter(kind, session->filter);
    session->kernel_filter = kernel.text;
    session->kernel_rest.clear();
    if (!kernel.rest.empty()) {
      const auto span = kernel.rest.front();
      session->kernel_rest = std::string_view(text).substr(span.begin, span.end - span.begin);
    }
    for (const FilterNode& node : session->filter.nodes) session->nodes.push_back(flat(node));
    *count = static_cast<uint32_t>(session->nodes.size());
    return session->nodes.data();
  } catch (const std::exception& problem) {
    oc::abi::fail(session, oc::base::make_error(oc::base::Code::kSystem, problem.what()));
    return nullptr;
  }
}

const char* oc_session_kernel_filter(oc_session* session) { return session->kernel_filter.c_str(); }

const char* oc_session_kernel_filter_rest(oc_session* session) {
  return session->kernel_rest.c_str();
}

void oc_session_set_kernel_filter(oc_session* session, uint32_t kind, const char* text) {
  if (auto* live = session->session.live(); live != nullptr)
    live->set_kernel_filter(EventKinds::index_of_sample(kind), text);
}

const char* oc_session_kernel_filter_taken(oc_session* session, uint32_t kind) {
  auto* live = session->session.live();
  session->text =
      live == nullptr ? "" : live->kernel_filter_taken(EventKinds::index_of_sample(kind));
  return session->text.c_str();
}

int oc_glob_text(const char* glob, size_t glob_bytes, const char* text, size_t text_bytes) {
  return oc::event::glob_text({glob, glob_bytes}, {text, text_bytes}) ? 1 : 0;
}
}
