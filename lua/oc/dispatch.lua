--- The loop that feeds callbacks, generated for exactly the callbacks of one run.
--
--     while loop.at < loop.count do              -- stopping sets loop.count to 0
--       local d = events + at
--       if d.time >= loop.deadline then … end    -- only when there are timers
--       if d.event == 17 then v17._d = d  f17_1(v17)
--       elseif … end
--     end
--
-- LuaJIT compiles the loop, the chain and the callbacks into one trace. The place (`loop.at`, and which
-- callback when an event has several) is kept in the session's memory: after an error the loop goes on
-- with the next callback, and a watch can say where a script hangs. So no pcall per event.

local errors = require "oc.errors"

local M = {}

-- A Lua function has at most 60 upvalues; beyond this the chain looks views and callbacks up in tables.
local MAX_UPVALUES = 50

---@class oc.Handler one kind of event and who wants it
---@field kind oc.Kind
---@field view ffi.cdata*
---@field callbacks function[]

local function call_lines(handler, out, view, callback_name)
  out[#out + 1] = ("      %s._d = d"):format(view)
  for i = 1, #handler.callbacks do
    if i > 1 then out[#out + 1] = ("      loop.callback = %d"):format(i) end
    out[#out + 1] = ("      %s(%s)"):format(callback_name(i), view)
  end
  if #handler.callbacks > 1 then out[#out + 1] = "      loop.callback = 1" end
end

local function chain(handlers, out, head)
  for h, handler in ipairs(handlers) do
    local number = handler.kind.number
    out[#out + 1] = ("    %s event == %d then"):format(h == 1 and "if" or "elseif", number)
    local view = "v" .. number
    head[#head + 1] = ("local %s = views[%d]"):format(view, number)
    call_lines(handler, out, view, function(i)
      local name = ("f%d_%d"):format(number, i)
      head[#head + 1] = ("local %s = callbacks[%d][%d]"):format(name, number, i)
      return name
    end)
  end
  if #handlers > 0 then out[#out + 1] = "    end" end
end

local function tables(out)
  out[#out + 1] = [[
    local view, list = views[event], callbacks[event]
    view._d = d
    for i = 1, #list do
      loop.callback = i
      list[i](view)
    end
    loop.callback = 1]]
end

--- The source of the loop; for tests and for `--jit-report`.
---@param handlers oc.Handler[]
---@param has_timers boolean
---@return string
function M.source(handlers, has_timers)
  local head, body = { "local loop, views, callbacks, fire = ..." }, {}
  local upvalues = 2
  for _, handler in ipairs(handlers) do upvalues = upvalues + 1 + #handler.callbacks end
  if upvalues <= MAX_UPVALUES then chain(handlers, body, head) else tables(body) end
  return table.concat(head, "\n") .. "\n" .. [[
return function()
  local events = loop.events
  local at = loop.at
  while at < loop.count do
    local d = events + at
    loop.at = at
]] .. (has_timers and "    if d.time >= loop.deadline then fire(d.time) end\n" or "")
    .. "    local event = d.event\n" .. table.concat(body, "\n") .. [[

    at = at + 1
  end
end]]
end

--- Compiles the loop: a function that handles the batch from `loop.at` on.
---@param loop ffi.cdata* oc_loop
---@param handlers oc.Handler[]
---@param fire? fun(time: number) fires the timers that are due
function M.compile(loop, handlers, fire)
  local views, callbacks = {}, {}
  for _, handler in ipairs(handlers) do
    views[handler.kind.number] = handler.view
    callbacks[handler.kind.number] = handler.callbacks
  end
  local source = M.source(handlers, fire ~= nil)
  return assert(loadstring(source, errors.own_chunk("loop")))(loop, views, callbacks, fire)
end

--- Finishes the event at `loop.at` after its callback number `loop.callback` failed, then steps past it.
--- `traced` is their error handler, `fail(err)` is told of further failures.
function M.step_over(loop, handlers, traced, fail)
  local number = loop.events[loop.at].event
  for _, handler in ipairs(handlers) do
    if handler.kind.number == number then
      for i = loop.callback + 1, #handler.callbacks do
        handler.view._d = loop.events + loop.at
        local ok, err = xpcall(handler.callbacks[i], traced, handler.view)
        if not ok then fail(err) end
      end
    end
  end
  loop.callback = 1
  loop.at = loop.at + 1
end

return M
