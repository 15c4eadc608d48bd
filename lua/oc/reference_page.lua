--- docs/guide/reference.md, from the data of the reference.

local reference = require "oc.reference"

local M = {}

local function cell(text) return (text:gsub("|", "\\|")) end

local function add_fields(out, group)
  out[#out + 1] = "| name | type | is |\n|---|---|---|"
  for _, entry in ipairs(group.entries) do
    local unit = entry.unit and " In " .. entry.unit .. "." or ""
    out[#out + 1] = ("| `%s` | `%s` | %s |"):format(entry.name,
      cell(entry.type or entry.signature), cell(entry.text .. unit))
  end
end

local function add_entry(out, entry)
  out[#out + 1] = "### " .. entry.full .. "\n"
  out[#out + 1] = "```lua\n" .. table.concat(reference.heads(entry), "\n") .. "\n```\n"
  local more = entry.unit and " In " .. entry.unit .. "." or ""
  if entry.errors then more = more .. " *Raises:* " .. entry.errors .. "." end
  out[#out + 1] = entry.text .. more .. "\n"
  local example = entry.example or entry.live
  if example then out[#out + 1] = "```lua\n" .. example .. "\n```\n" end
end

--- The whole page.
---@return string
function M.markdown()
  local out = {
    "# Reference\n",
    "Made by `oc help --reference`; `oc help NAME`, and `help(NAME)` at the prompt, show the same.",
    "[scripts.md](scripts.md) tells how it all fits together. Examples can be typed behind",
    "`oc eval -i perf.data`; `oc types` writes the types for editors.\n",
  }
  for _, group in ipairs(reference.groups()) do
    if #group.entries > 0 then
      local parent = group.parent and (" It has all of `%s`, too."):format(group.parent) or ""
      out[#out + 1] = ("## %s\n\n`%s`. %s%s\n"):format(group.title, group.class, group.text, parent)
      if group.is_table then add_fields(out, group) end
      for _, entry in ipairs(group.entries) do
        if not group.is_table or entry.example then add_entry(out, entry) end
      end
      if group.is_table then out[#out + 1] = "" end
    end
  end
  return (table.concat(out, "\n"):gsub("\n\n\n+", "\n\n"))
end

return M
