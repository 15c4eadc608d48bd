--- A trace over a source, so that all is known: ticks at 10, 20 …, on CPU 0 and 1 in turn.

local oc = require "oc"

---@param count integer
---@return oc.Trace
return function(count)
  local n = 0
  return oc.open { source = oc.source { events = { tick = { { "n", "u32" } } }, next = function(out)
    n = n + 1
    out:emit { event = "tick", time = n * 10, cpu = n % 2, pid = 5, tid = 6, comm = "c" .. n,
      n = n }
    return n < count
  end } }
end
