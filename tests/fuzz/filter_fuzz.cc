// A filter's text: parsed, checked against an event, put into the kernel's language.

#include <cstdlib>
#include <string>
#include <string_view>

#include "event/filter.h"
#include "event/filter_kernel.h"
#include "event/text_glob.h"
#include "fuzz/target.h"

using oc::fuzz::require;

using namespace oc::event;

namespace {

constexpr std::string_view kFormat = R"(name: probe
ID: 7
format:
	field:int common_pid;	offset:4;	size:4;	signed:1;
	field:int number;	offset:8;	size:4;	signed:1;
	field:long id;	offset:16;	size:8;	signed:1;
	field:u64 big;	offset:24;	size:8;	signed:0;
	field:char name[16];	offset:32;	size:16;	signed:0;
	field:__data_loc char[] path;	offset:48;	size:4;	signed:0;
	field:bool flag;	offset:52;	size:1;	signed:0;
	field:unsigned int vec;	offset:56;	size:4;	signed:0;
	field:pid_t pid;	offset:60;	size:4;	signed:1;
	field:double ratio;	offset:64;	size:8;	signed:1;

print fmt: "%s", __print_symbolic(REC->vec, { 0, "HI" }, { 1, "TIMER" })
)";

/// Where the tree that begins at `at` ends; every node must be there.
size_t end_of(const Filter& filter, size_t at) {
  require(at < filter.nodes.size());
  const FilterNode& node = filter.nodes[at++];
  const bool is_list = node.op == FilterNode::Op::kAnd || node.op == FilterNode::Op::kOr;
  if (is_list) require(node.count >= 2);
  for (uint32_t i = 0; is_list && i < node.count; ++i) at = end_of(filter, at);
  require(node.text.find('\0') == std::string::npos);
  return at;
}

}  // namespace

FUZZ_TARGET(filter, data, size) {
  static const EventFormat format = *parse_format(kFormat, "test");
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  glob_text(text.substr(0, size / 2), text.substr(size / 2));
  const auto syntax = parse_filter(text);
  if (!syntax) {
    require(!syntax.error().what.empty());
    return 0;
  }
  FilterScope scope;
  scope.event = "test:probe";
  scope.format = &format;
  const auto filter = check_filter(*syntax, text, scope);
  if (!filter) return 0;
  require(end_of(*filter, 0) == filter->nodes.size());
  const KernelFilter kernel = make_kernel_filter(*filter, format, true);
  require(kernel.text.find_first_of(std::string_view("\n\0", 2)) == std::string::npos);
  require(!kernel.is_exact || kernel.rest.empty());
  return 0;
}
