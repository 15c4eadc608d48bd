--- The known names nearest to a mistaken one.
--
--     nearest.find("next_pdi", { "next_pid", "next_prio", "comm" })  --> { "next_pid", … }

---@class oc.nearest
local M = {}

--- Damerau-Levenshtein distance (adjacent swaps count 1; optimal string alignment), bytes without
--- case.
---@param a string
---@param b string
---@param limit? integer give up beyond it
---@return integer distance at least limit + 1 when given up
function M.distance(a, b, limit)
  a, b, limit = a:lower(), b:lower(), limit or math.huge
  if math.abs(#a - #b) > limit then return limit + 1 end
  local before, last, row = {}, {}, {}
  for j = 0, #b do last[j] = j end
  for i = 1, #a do
    row[0] = i
    local best = i
    for j = 1, #b do
      local same = a:byte(i) == b:byte(j)
      local d = math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (same and 0 or 1))
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        d = math.min(d, before[j - 2] + 1)
      end
      row[j] = d
      best = math.min(best, d)
    end
    if best > limit then return limit + 1 end
    before, last, row = last, row, before
  end
  return last[#b]
end

--- Up to three names, the nearest first: few edits for the length, or one begins with the other.
---@param wrong string
---@param names string[]
---@return string[]
function M.find(wrong, names)
  if type(wrong) ~= "string" then return {} end
  local limit = math.min(3, math.max(1, math.floor(#wrong / 3)))
  local found, seen = {}, {}
  for _, name in ipairs(names) do
    local distance = M.distance(wrong, name, limit)
    local begins = #wrong >= 3 and name:lower():find(wrong:lower(), 1, true) == 1
    if not seen[name] and name ~= wrong and (distance <= limit or begins) then
      seen[name] = true
      found[#found + 1] = { name = name, distance = math.min(distance, limit) }
    end
  end
  table.sort(found, function(x, y)
    if x.distance ~= y.distance then return x.distance < y.distance end
    return x.name < y.name
  end)
  local out = {}
  for i = 1, math.min(3, #found) do out[i] = found[i].name end
  return out
end

--- "did you mean 'a', 'b' or 'c'?", or nil when nothing is near.
---@param wrong string
---@param names string[]
---@return string?
function M.hint(wrong, names) return M.ask(M.find(wrong, names)) end

--- The same of names that were found.
---@param found string[]
---@return string?
function M.ask(found)
  if #found == 0 then return nil end
  for i, name in ipairs(found) do found[i] = "'" .. name .. "'" end
  local last = table.remove(found)
  local first = #found > 0 and table.concat(found, ", ") .. " or " or ""
  return "did you mean " .. first .. last .. "?"
end

return M
