--- An event as a plain table, and as JSON: what `e:table()` and `e:json()` give.
--
--     { event = "sched:sched_switch", time = 1090055, cpu = 0, pid = 7, tid = 7, comm = "sh",
--       period = 1, ip = oc.addr, next_pid = 12, … }
--
-- All fields by the names that `e` has for them; a payload field that a common name hides is in
-- `args`. Left out: the payload's common_* fields, and the ids of descriptors (id, stream_id,
-- thread), which mean nothing in another run, and what stands for a place in code (stack, symbol,
-- module). `out:emit` of a source takes such a table back.

local M = {}

local left_out = { stack = true, symbol = true, module = true, args = true, id = true,
  stream_id = true, thread = true }

--- Source of a function that fills the table, one line a field.
---@param kind oc.Kind
---@param names string[] what `e` has
---@param is_common fun(name: string): boolean hides a payload field
---@return string
function M.source(kind, names, is_common)
  local lines, done = { "return function(e)\n  local t = {}" }, {}
  for _, name in ipairs(names) do
    local field = kind.by_name[name]
    local skipped = left_out[name] or done[name] or (field and field.common)
    if not skipped then
      done[name] = true
      lines[#lines + 1] = ("  t[%q] = e:get(%q)"):format(name, name)
    end
  end
  local hidden = {}
  for _, field in ipairs(kind.fields) do
    if is_common(field.name) then
      hidden[#hidden + 1] = ("  args[%q] = e.args[%q]"):format(field.name, field.name)
    end
  end
  if #hidden > 0 then
    lines[#lines + 1] = "  local args = {}\n  t.args = args"
    for _, line in ipairs(hidden) do lines[#lines + 1] = line end
  end
  lines[#lines + 1] = "  return t\nend"
  return table.concat(lines, "\n")
end

return M
