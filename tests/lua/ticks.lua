--- A trace over a source, so that all is known, and a run whose errors are not shown.

local oc = require "oc"

local M = {}

--- What `fn` writes to stderr.
function M.quietly(fn)
  local real, text = io.stderr, {}
  rawset(io, "stderr", { write = function(_, ...) text[#text + 1] = table.concat { ... } end })
  local ok, err = pcall(fn)
  rawset(io, "stderr", real)
  if not ok then error(err, 0) end
  return table.concat(text)
end

--- A trace with ticks at 10, 20 …: `count` of them, on CPU 0 and 1 in turn.
function M.ticking(count)
  local n = 0
  return oc.open { source = oc.source { events = { tick = { { "n", "u32" } } }, next = function(out)
    n = n + 1
    out:emit { event = "tick", time = n * 10, cpu = n % 2, pid = 5, tid = 6, comm = "c" .. n,
      n = n }
    return n < count
  end } }
end

return M
