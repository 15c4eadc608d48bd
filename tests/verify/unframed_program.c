/* Calls through code that it makes itself, without frame pointer and without tables: unframed_program MS
 *
 * main -> outer -> made code (its frame has 40 bytes) -> leaf, which runs for MS ms of CPU time. Prints where that code lies.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

static volatile unsigned long sink;
static long ms;

__attribute__((noinline)) void leaf(void) {
  const clock_t until = clock() + ms * CLOCKS_PER_SEC / 1000;
  while (clock() < until) {
    for (int i = 0; i < 20000; i++) sink += (unsigned long)i * 7;
  }
}

__attribute__((noinline)) void outer(void (*made)(void)) {
  made();
  sink++;
}

int main(int argc, char** argv) {
  /* sub $40,%rsp; movabs $leaf,%rax; call *%rax; add $40,%rsp; ret */
  uint8_t code[] = {0x48, 0x83, 0xec, 0x28, 0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xd0, 0x48, 0x83, 0xc4, 0x28, 0xc3};
  const uint64_t target = (uintptr_t)leaf;
  memcpy(code + 6, &target, sizeof target);
  uint8_t* const page =
      mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (argc != 2 || page == MAP_FAILED) return 1;
  ms = atol(argv[1]);
  memcpy(page, code, sizeof code);
  printf("%p\n", (void*)page);
  fflush(stdout);
  outer((void (*)(void))(uintptr_t)page);
  return 0;
}
