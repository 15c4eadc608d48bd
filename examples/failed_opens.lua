--- Which files' opening fails, and how long that took: a script of record-trace, carried over.
---
--- Example: oc script -i tests/fixtures/words.data examples/failed_opens.lua
--- Example: oc script examples/failed_opens.lua -- cat /etc/nothing
---
--- In record-trace it began with `let` instead of `local`, and without the first line.

require("oc.record_trace").globals()
-- luacheck: globals event_from_tracefs new_timeline new_timeline_event_flags use_timeline

local opening = new_timeline("failed_open");
local flags = new_timeline_event_flags();

flags.should_start();
flags.should_record_field("flags");
opening.with_event(event_from_tracefs("syscalls", "sys_enter_openat"), "common_pid", flags);

flags.clear();
flags.should_end();
flags.should_record_field("ret");
flags.should_filter_field("ret", "<", "0");
opening.with_event(event_from_tracefs("syscalls", "sys_exit_openat"), "common_pid", flags);

opening.with_min_us(1);
use_timeline(opening);
