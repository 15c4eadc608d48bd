--- Pairs the events that begin and end something by a key: open starts are bounded, what has no
--- partner is counted.
--
--     start(key)  ──────── middle ──── middle ────────  finish(key)          a span, two children
--     start(key)  ── start(key): the first is counted as without an end
--     finish(key): counted as without a beginning
--     lose(): what is open may have ended unseen; it is counted as cut off by lost records
--     what is open when the trace ends is counted, too

local M = {}

---@class oc.Timeline
---@field unfinished integer starts that were begun again under the same key
---@field unbegun integer ends without a start
---@field refused integer starts beyond the limit
---@field lost integer starts that were open when records were lost
local Timeline = {}
Timeline.__index = Timeline

local DEFAULT_LIMIT = 2 ^ 20

--- Up to four parts as one key: a number or text stays what it is.
function M.key(a, b, c, d)
  if b == nil then return a end
  if c == nil then return a .. "\0" .. b end
  if d == nil then return a .. "\0" .. b .. "\0" .. c end
  return a .. "\0" .. b .. "\0" .. c .. "\0" .. d
end

--- Whether a start is open under the key.
---@return boolean
function Timeline:has(key) return self._times[key] ~= nil end

--- `value`: anything to be given back at the end.
function Timeline:start(key, time, value)
  if self._times[key] then
    self.unfinished = self.unfinished + 1
  elseif self.open >= self._limit then
    self.refused = self.refused + 1
    return
  else
    self.open = self.open + 1
  end
  self._lost[key] = nil
  self._times[key], self._values[key], self._middles[key] = time, value, nil
end

--- Something happens between start and end; without a start it is nothing.
function Timeline:middle(key, time, name)
  if not self._times[key] then return end
  local list = self._middles[key]
  if not list then
    list = {}
    self._middles[key] = list
  end
  list[#list + 1] = { time = time, name = name }
end

--- When it began, what was given then, what happened between; nil when nobody saw the start.
---@return number? began
---@return any value
---@return { time: number, name: string }[]? middles
function Timeline:finish(key)
  local began = self._times[key]
  if not began then
    if self._lost[key] then
      self._lost[key] = nil
    else
      self.unbegun = self.unbegun + 1
    end
    return nil
  end
  local value, middles = self._values[key], self._middles[key]
  self._times[key], self._values[key], self._middles[key] = nil, nil, nil
  self.open = self.open - 1
  return began, value, middles
end

--- What was given when it began; nil when none is open under the key.
function Timeline:peek(key) return self._values[key] end

--- A start that is no longer waited for: it was none, and is not counted.
function Timeline:forget(key)
  self._lost[key] = nil
  if not self._times[key] then return end
  self._times[key], self._values[key], self._middles[key] = nil, nil, nil
  self.open = self.open - 1
end

--- Forgets what is open under the keys of which `is_foreign(key)`: it was not asked for.
---@param is_foreign fun(key: any): boolean
function Timeline:forget_where(is_foreign)
  for key in pairs(self._times) do
    if is_foreign(key) then self:forget(key) end
  end
end

--- A start that is no longer waited for: it counts as without an end.
function Timeline:drop(key)
  if not self._times[key] then return end
  self:forget(key)
  self.unfinished = self.unfinished + 1
end

--- Records were lost: whatever is open may have ended meanwhile, and begun again. Its end, when one
--- comes, is not counted again.
function Timeline:lose()
  for key in pairs(self._times) do self._lost[key] = true end
  self.lost, self.open = self.lost + self.open, 0
  self._times, self._values, self._middles = {}, {}, {}
end

--- What is no start and no end of its own, and why: it is told, too.
---@param why string "returns in new threads"
function Timeline:leave_out(why)
  if not self._left_out[why] then self._reasons[#self._reasons + 1] = why end
  self._left_out[why] = (self._left_out[why] or 0) + 1
end

--- What could not be paired, in words; nil when all was.
---@return string?
function Timeline:unmatched()
  local parts = {}
  local function add(count, words)
    if count > 0 then parts[#parts + 1] = ("%d %s"):format(count, words) end
  end
  add(self.open, "still open when the trace ended")
  add(self.unfinished, "without an end")
  add(self.unbegun, "without a beginning")
  add(self.lost, "cut off by lost records")
  add(self.refused, "beyond the limit of open ones")
  for _, why in ipairs(self._reasons) do add(self._left_out[why], why) end
  return parts[1] and table.concat(parts, ", ")
end

---@param limit? integer open starts at most
---@return oc.Timeline
function M.new(limit)
  return setmetatable({ _times = {}, _values = {}, _middles = {}, _limit = limit or DEFAULT_LIMIT,
    _left_out = {}, _reasons = {}, _lost = {},
    open = 0, unfinished = 0, unbegun = 0, refused = 0, lost = 0 }, Timeline)
end

return M
