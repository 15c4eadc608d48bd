--- Every sample's stack, one line a sample: "reason|offset<tab>module<tab>name|…".
local oc = require "oc"

local opt = oc.args { event = oc.string("*", "which"), names = oc.flag(false, "with names") }
local trace = oc.open { stacks = "any" }
local lines, known = {}, {}

--- The frames of a stack as one text; equal stacks are made once.
local function text_of(stack)
  local parts = { stack.reason }
  for _, frame in ipairs(stack:frames()) do
    if not frame.inline then
      parts[#parts + 1] = ("%s\t%s\t%s"):format(
        frame.address and tostring(frame.address):sub(3) or ("%x"):format(frame.offset),
        frame.module, opt.names and frame.name or "-")
    end
  end
  return table.concat(parts, "|")
end

trace:on(opt.event, function(e)
  local id = e.stack.id
  known[id] = known[id] or e.stack
  lines[#lines + 1] = id
end)
trace:run()
local texts = {}
for id, stack in pairs(known) do texts[id] = text_of(stack) end
for _, id in ipairs(lines) do print(texts[id]) end
