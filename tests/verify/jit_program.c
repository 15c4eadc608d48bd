/* A compiler of two functions, for tests: jit_program FOLDER ROUNDS
 *
 * "first" and "second" come to lie at the same address, one after the other, ROUNDS times; "lasting" has a place of its
 * own. FOLDER/jit-PID.dump tells of them as tools/perf/Documentation/jitdump-specification.txt says. Each runs for some
 * milliseconds of CPU time at a time.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* push %rbp; mov %rsp,%rbp; mov $100000,%ecx; 1: dec %ecx; jnz 1b; pop %rbp; ret */
static const uint8_t kCode[] = {0x55, 0x48, 0x89, 0xe5, 0xb9, 0xa0, 0x86, 0x01, 0x00,
                                0xff, 0xc9, 0x75, 0xfc, 0x5d, 0xc3};

static int dump;
static uint64_t loads;

static uint64_t now(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void put(const void* bytes, size_t size) {
  if (write(dump, bytes, size) != (ssize_t)size) exit(1);
}

static void begin_dump(const char* folder) {
  char path[4096];
  snprintf(path, sizeof path, "%s/jit-%d.dump", folder, getpid());
  dump = open(path, O_CREAT | O_TRUNC | O_RDWR, 0600);
  const uint32_t head[] = {0x4a695444, 1, 40, 62 /* EM_X86_64 */, 0, (uint32_t)getpid()};
  const uint64_t rest[] = {now(CLOCK_MONOTONIC), 0};
  put(head, sizeof head);
  put(rest, sizeof rest);
  /* So that a recording tells where it lies. */
  if (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, dump, 0) == MAP_FAILED) exit(1);
}

static void load(uint8_t* at, const char* name) {
  memcpy(at, kCode, sizeof kCode);
  const size_t size = 16 + 40 + strlen(name) + 1 + sizeof kCode;
  const uint32_t head[] = {0, (uint32_t)size};
  const uint64_t time = now(CLOCK_MONOTONIC);
  const uint32_t ids[] = {(uint32_t)getpid(), (uint32_t)gettid()};
  const uint64_t rest[] = {(uintptr_t)at, (uintptr_t)at, sizeof kCode, loads++};
  put(head, sizeof head);
  put(&time, sizeof time);
  put(ids, sizeof ids);
  put(rest, sizeof rest);
  put(name, strlen(name) + 1);
  put(kCode, sizeof kCode);
}

static void run(const uint8_t* at, uint64_t ms) {
  const uint64_t until = now(CLOCK_PROCESS_CPUTIME_ID) + ms * 1000000;
  while (now(CLOCK_PROCESS_CPUTIME_ID) < until) ((void (*)(void))(uintptr_t)at)();
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  uint8_t* const page =
      mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return 1;
  begin_dump(argv[1]);
  load(page + 1024, "lasting");
  for (int i = 0; i < atoi(argv[2]); i++) {
    load(page, "first");
    run(page, 40);
    run(page + 1024, 10);
    load(page, "second");
    run(page, 20);
  }
  return 0;
}
