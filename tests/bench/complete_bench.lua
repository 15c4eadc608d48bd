-- Completion with as many names as a large trace has: prints ms of the first answer (which sorts
-- the names) and of the others, in the worst and the usual case. Started by repl.py.
local complete = require "oc.repl.complete"
local names = require "oc.repl.names"

local SYMBOLS, ROUNDS = 100000, 20

-- As a session of lines, with a machine of so many functions.
local rows = {}
for i = 1, SYMBOLS do
  rows[i] = { ("namespace::function_%d_of_%d"):format(i * 7919 % SYMBOLS, i) }
end
local query = { rows = function() return rows end }
query.by = function() return query end
query.count = query.by
local machine = {
  samples = function() return query end,
  processes = function() return function() end end,
}

local trace = require("oc").open {}
local session = { env = { count = print, samples = print } }
function session.trace() return trace end
function session.machine_at_hand() return machine end

local function timed(text, rounds)
  local began = os.clock()
  for _ = 1, rounds do assert(complete.answer(session, text, #text)) end
  return (os.clock() - began) / rounds * 1e3
end

local events = #names.events(session)
print(("events %d"):format(events))
for _, case in ipairs {
  { "first", 'samples { symbol = "namespace::function_9', 1 },
  { "symbols", 'samples { symbol = "namespace::function_9', ROUNDS },
  { "all symbols", 'samples { symbol = "', ROUNDS },
  { "events", 'count("sched:', ROUNDS },
  { "anything", 'x = "namespace::function_1', ROUNDS },
} do
  print(("%s %.3f"):format(case[1]:gsub(" ", "_"), timed(case[2], case[3])))
end
