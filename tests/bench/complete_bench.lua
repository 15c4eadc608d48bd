-- Completion with as many names as a large trace has: prints ms of the index, made once when nobody
-- types, and of answers. Started by repl.py.
local complete = require "oc.repl.complete"
local names = require "oc.repl.names"

local SYMBOLS, ROUNDS = 100000, 20

-- As a session of lines, with a machine of so many functions.
local rows = {}
for i = 1, SYMBOLS do
  rows[i] = { ("namespace::function_%d_of_%d"):format(i * 7919 % SYMBOLS, i) }
end
local query = {}
function query.by() return query end
function query.count() return query end
function query.rows() return rows end
local machine = {}
function machine.samples() return query end
function machine.processes() return function() end end

local trace = require("oc").open {}
local session = { env = { count = print, samples = print } }
function session.trace() return trace end
function session.machine_at_hand() return machine end

local function timed(text, rounds)
  local began = os.clock()
  for _ = 1, rounds do assert(complete.answer(session, text, #text)) end
  return (os.clock() - began) / rounds * 1e3
end

function machine.stats() return { samples = 0 } end

local events = #names.events(session)
local began_index = os.clock()
names.prepare(session)
print(("index %.3f"):format((os.clock() - began_index) * 1e3))
print(("event_count %d"):format(events))
for _, case in ipairs {
  { "symbols", 'samples { symbol = "namespace::function_9', ROUNDS },
  { "all symbols", 'samples { symbol = "', ROUNDS },
  { "events", 'count("sched:', ROUNDS },
  { "anything", 'x = "namespace::function_1', ROUNDS },
} do
  print(("%s %.3f"):format(case[1]:gsub(" ", "_"), timed(case[2], case[3])))
end
