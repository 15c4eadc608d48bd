--- Counts samples by stack; with --names looks up all of them. Prints what the stacks took.
local oc = require "oc"

local opt = oc.args { names = oc.flag(false, "look up every frame, with lines") }
local trace = oc.open { stacks = "any" }
local by_stack = oc.counter("stack")
trace:on("cpu", function(e) by_stack:count(e.stack) end)
trace:run()
local stats = trace:stats().stacks
local named = 0
if opt.names then
  named = select(2, by_stack:json():gsub('"name":', ""))
end
print(("samples=%d stacks=%d frames=%d distinct=%d bytes=%d named=%d"):format(stats.samples,
  stats.stacks, stats.frames, stats.distinct_frames, stats.bytes, named))
