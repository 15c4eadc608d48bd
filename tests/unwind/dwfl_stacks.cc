// The oracle: unwinds a recording of `perf record --call-graph dwarf` with elfutils' libdwfl, over the same registers,
// stack bytes and mappings that unwind_stacks works on, and prints the stacks in the same form.
//   dwfl_stacks FILE [EVERY]   every nth stack
#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>

#include "support/recorded_stacks.h"
#include "unwind/stack_bytes.h"

using oc::test::RecordedStack;
using oc::test::RecordedStacks;

namespace {

constexpr int kMaxFrames = 512;

/// What libdwfl's callbacks look at: the sample of the moment.
struct Current {
  const RecordedStack* stack = nullptr;
  int frames = 0;
};
Current current;

bool read_memory(Dwfl*, Dwarf_Addr address, Dwarf_Word* result, void*) {
  const oc::unwind::StackBytes bytes(current.stack->registers.stack(), current.stack->stack);
  return bytes.read(address, *result);
}

bool set_registers(Dwfl_Thread* thread, void*) {
  const auto& registers = current.stack->registers;
  // The instruction pointer is among them, for the expressions of PLTs, and told apart as well.
  const bool is_set = dwfl_thread_state_registers(thread, 0, 17, registers.values.data());
  dwfl_thread_state_register_pc(thread, registers.pointer());
  return is_set;
}

pid_t next_thread(Dwfl*, void*, void** thread) {
  if (*thread != nullptr) return 0;
  *thread = &current;
  return 1;
}

bool find_thread(Dwfl*, pid_t, void*, void** thread) {
  *thread = &current;
  return true;
}

int print_frame(Dwfl_Frame* frame, void*) {
  Dwarf_Addr pc = 0;
  bool is_activation = false;
  if (!dwfl_frame_pc(frame, &pc, &is_activation)) return DWARF_CB_ABORT;
  const uint64_t address = is_activation ? pc : pc - 1;
  const auto range = current.stack->code->find(address);
  std::printf("\t%lx\n", range ? address - range->start + range->file_offset : address);
  return ++current.frames == kMaxFrames ? DWARF_CB_ABORT : DWARF_CB_OK;
}

using DwflHandle = std::unique_ptr<Dwfl, void (*)(Dwfl*)>;

int find_elf(Dwfl_Module*, void**, const char*, Dwarf_Addr, char**, Elf**) { return -1; }
int find_no_debuginfo(Dwfl_Module*, void**, const char*, Dwarf_Addr, const char*, const char*,
                      GElf_Word, char**) {
  return -1;
}
const Dwfl_Callbacks kFiles = {find_elf, find_no_debuginfo, nullptr, nullptr};
const Dwfl_Thread_Callbacks kThreads = {next_thread,   find_thread, read_memory,
                                        set_registers, nullptr,     nullptr};

/// One for each set of mappings.
DwflHandle make_dwfl(oc::test::CodeMap& code) {
  DwflHandle dwfl(dwfl_begin(&kFiles), dwfl_end);
  dwfl_report_begin(dwfl.get());
  std::map<std::string, bool> reported;
  for (const auto& range : code.ranges()) {
    if (range.rules == nullptr || reported[range.rules->name()]) continue;
    const std::string& path = range.rules->name();
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;  // the vDSO: no stack of ours goes through it
    // Any offset of the mapping that lies in a segment tells where the file was loaded.
    for (uint64_t at = 0; at < range.end - range.start; at += 16) {
      const auto linked = range.rules->find_address(range.file_offset + at);
      if (!linked) continue;
      reported[path] = true;
      dwfl_report_elf(dwfl.get(), path.c_str(), path.c_str(), fd, range.start + at - *linked, true);
      break;
    }
  }
  dwfl_report_end(dwfl.get(), nullptr, nullptr);
  dwfl_attach_state(dwfl.get(), nullptr, 1, &kThreads, &current);
  return dwfl;
}

void print(const RecordedStack& stack, Dwfl* dwfl) {
  current = {&stack, 0};
  std::printf("%d/%d %lu.%09lu dwfl\n", stack.pid, stack.tid, stack.time / 1000000000,
              stack.time % 1000000000);
  dwfl_getthread_frames(dwfl, 1, print_frame, nullptr);
  std::printf("\n");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const size_t every = argc > 2 ? static_cast<size_t>(std::atoi(argv[2])) : 1;
  auto recorded = RecordedStacks::load(argv[1]);
  if (!recorded) {
    std::fprintf(stderr, "dwfl_stacks: %s\n", recorded.error().what.c_str());
    return 1;
  }
  std::map<const oc::test::CodeMap*, DwflHandle> handles;
  for (size_t i = 0; i < recorded->stacks.size(); i += every) {
    const RecordedStack& stack = recorded->stacks[i];
    auto found = handles.find(stack.code.get());
    if (found == handles.end())
      found = handles.emplace(stack.code.get(), make_dwfl(*stack.code)).first;
    print(stack, found->second.get());
  }
}
