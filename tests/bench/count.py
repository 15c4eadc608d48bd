"""The job of count.lua for perf script -s: sched_switch by next_pid, sys_enter by id."""
import json

switches = {}
syscalls = {}


def sched__sched_switch(event_name, context, common_cpu, common_secs, common_nsecs, common_pid,
                        common_comm, common_callchain, prev_comm, prev_pid, prev_prio, prev_state,
                        next_comm, next_pid, next_prio):
    switches[next_pid] = switches.get(next_pid, 0) + 1


def raw_syscalls__sys_enter(event_name, context, common_cpu, common_secs, common_nsecs, common_pid,
                            common_comm, common_callchain, id, args):
    syscalls[id] = syscalls.get(id, 0) + 1


def trace_end():
    print("switches\t" + json.dumps(switches))
    print("syscalls\t" + json.dumps(syscalls))
