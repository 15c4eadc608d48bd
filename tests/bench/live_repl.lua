-- The soak of a live session (live_repl.py): events come and go, a query is slow now and then, and
-- all adds up. OC_SOAK_S in the environment: seconds. A line of JSON each 10 s, the last one is
-- the sum.

local oc = require "oc"
local json = require "oc.json"

local seconds = tonumber(os.getenv("OC_SOAK_S") or "60")
local trace = oc.open {}
local switches, calls, others = oc.counter("comm"), oc.counter("id"), 0

local function rss()
  local anonymous = 0
  for line in io.lines("/proc/self/status") do
    anonymous = tonumber(line:match("^RssAnon:%s*(%d+)")) or anonymous
  end
  return anonymous / 1024
end

trace:on("sched:sched_switch", function(e) switches:count(e.comm) end)
trace:on("raw_syscalls:sys_enter", function(e) calls:count(e.args.id) end)
trace:start { interactive = true }

local counted
trace:at_end(function() counted = trace:counted() end)
local turns, handle, most_rss = 0, nil, 0
local began = os.time()
local told = began
while os.time() - began < seconds do
  turns = turns + 1
  trace:feed(50)
  if turns % 40 == 0 then       -- somebody reads what he got, and types
    os.execute("sleep 1")
  elseif turns % 40 == 10 then  -- one more event
    handle = trace:on("raw_syscalls:sys_exit", { filter = "ret < 0" },
      function() others = others + 1 end)
  elseif turns % 40 == 30 then
    handle:off()
  end
  most_rss = math.max(most_rss, rss())
  if os.time() - told >= 10 then
    told = os.time()
    local stats = trace:stats()
    print((json.encode { at = os.time() - began, rss_mib = rss(), events = stats.events,
      lost = stats.lost, spool_mib = stats.spool.bytes / 2 ^ 20 }))
    io.stdout:flush()
  end
end
trace:finish()

local stats = trace:stats()
print((json.encode { seconds = os.time() - began, events = stats.events, lost = stats.lost,
  filtered = stats.filtered, own = stats.own, late = stats.late, malformed = stats.malformed,
  unknown = stats.unknown, others = others, turns = turns, most_rss_mib = most_rss,
  spool = stats.spool, counted = counted, cpu_share = stats.cpu_share }))
