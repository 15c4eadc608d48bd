--- Values of samples for the comparison with perf: one line a sample, in order.
---
--- --fields ip,addr prints those, separated by tabs, "-" where a sample has none; a call chain with
--- its context markers. --payload prints "event<TAB>name=value<TAB>…" of every payload field:
--- integers exact, addresses in hex, arrays as "[1,2]", text quoted.

local oc = require "oc"

local opt = oc.args {
  fields = oc.list("", "what to print"),
  payload = oc.flag(false, "print every payload field"),
}

local trace = oc.open {}
local formats = {}

local function exact(e, name)
  local value = e:get(name)
  if type(value) == "table" then
    for i, address in ipairs(value) do value[i] = tostring(address) end
    return table.concat(value, " ")
  end
  return value == nil and "-" or tostring(value)
end

--- A payload value as text; the script's value and the exact 64 bits must agree.
local function text(e, field)
  local value = e.args[field.name]
  if type(value) == "string" then return ("%q"):format(value) end
  if type(value) == "boolean" then return value and "1" or "0" end
  if type(value) == "table" then
    for i, word in ipairs(value) do value[i] = tostring(word) end
    return "[" .. table.concat(value, ",") .. "]"
  end
  if type(value) == "cdata" then return tostring(value) end
  local has_bits, bits = pcall(e.u64, e, field.name)  -- none: a common name hides the field
  if math.abs(value) < 2 ^ 53 then
    local plain = ("%.0f"):format(value)
    assert(not has_bits or value < 0 or tostring(bits) == plain .. "ULL")
    return plain
  end
  return (tostring(bits):gsub("ULL$", ""))
end

local function payload(e)
  formats[e.event] = formats[e.event] or trace:event(e.event).format
  local words = { e.event }
  for _, field in ipairs(formats[e.event]) do
    words[#words + 1] = field.name .. "=" .. text(e, field)
  end
  return words
end

trace:on("*", function(e)
  local words = {}
  if opt.payload then
    words = payload(e)
  else
    for i, name in ipairs(opt.fields) do words[i] = exact(e, name) end
  end
  print(table.concat(words, "\t"))
end)
trace:run()
