#!/bin/bash
# ./dev bench: oc against perf, Python and C++ on one big trace, in one run.
#   run.sh [big|jobs|machine|stacks|profile|symbols|unwind|repl] [--trace FILE] [--fresh] [--rounds N] [--json FILE]
#     [--gigabytes N]
# The trace (about 5 million events, 500 MB) is recorded once into build/bench/; --fresh: again.
# symbols [FILE…]: names, lines and inlined calls of these files against addr2line and llvm-symbolizer.
# big: the last second of a trace of 10 GB (made for it, removed afterwards) against cat.
# stacks: recordings with stacks, made for it, against perf script.
# jobs: --jobs 2 against one worker, over two traces and over one.
# profile [--clang [SECONDS]]: all stacks with functions, lines and inlined calls, against perf script.
# machine: exports and reports against perf script with a folding script and perf report; the machine alone.
# repl: the first prompt, a count, completion.
# live_repl [SECONDS]: a live session left alone under load: bounded memory, numbers that add up.
# unwind: stacks from registers and stack bytes against perf's.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
folder=$root/build/bench
trace=$folder/big.data
events=sched:sched_switch,sched:sched_wakeup,sched:sched_waking
events+=,raw_syscalls:sys_enter,raw_syscalls:sys_exit
# Both at the same time: many switches on one side, as many system calls as fit on the other.
load='perf bench sched pipe -l 150000 >/dev/null &
      dd if=/dev/zero of=/dev/null bs=1 count=600000 2>/dev/null
      wait'

say() { printf 'bench: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

record() {
  command -v perf >/dev/null || die "no perf here: give a trace with --trace FILE"
  mkdir -p "$folder"
  say "recording $trace"
  perf record -a -m 32M -o "$trace.partial" -e "$events" -- sh -c "$load" \
    </dev/null >"$folder/record.log" 2>&1 ||
    { cat "$folder/record.log" >&2; die "perf cannot record here (system-wide tracepoints: root)"; }
  rm -f "$trace.partial.old"
  mv "$trace.partial" "$trace"
}

driver=bench.py
rest=()
while [ $# -gt 0 ]; do
  case $1 in
    --trace) trace=${2:?--trace needs a file}; shift 2 ;;
    --fresh) rm -f "$trace"; shift ;;
    big) driver=big.py; shift ;;
    repl) driver=repl.py; shift ;;
    stacks) driver=stacks.py; trace=/dev/null; shift ;;
    jobs) driver=jobs.py; shift ;;
    profile) shift; exec /usr/bin/python3 -B "$here/profile.py" "$root" "$@" ;;
    machine) shift; exec /usr/bin/python3 -B "$here/machine.py" "$root" "$@" ;;
    symbols) shift; exec /usr/bin/python3 -B "$here/symbols.py" "$root" "$@" ;;
    live_repl) shift; exec /usr/bin/python3 -B "$here/live_repl.py" "$@" ;;
    unwind) shift; exec /usr/bin/python3 -B "$here/unwind.py" "$root" "$@" ;;
    --rounds | --json | --gigabytes) rest+=("$1" "${2:?$1 needs a value}"); shift 2 ;;
    -h | --help) sed -n '2,14s/^# //p' "$0" >&2; exit 0 ;;
    *) say "no option '$1'"; exit 2 ;;
  esac
done
[ -e "$trace" ] || record
exec /usr/bin/python3 -B "$here/$driver" "$root" "$trace" "${rest[@]}"
