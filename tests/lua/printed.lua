--- What an aggregate prints: local text = printed(counter, { top = 3 })

local settings = require "oc.settings"

---@param object table
---@param options? table of print
---@return string
return function(object, options)
  local out = {}
  local write = settings.write
  settings.write = function(text) out[#out + 1] = text end
  local ok, err = pcall(object.print, object, options)
  settings.write = write
  if not ok then error(err, 0) end
  return table.concat(out)
end
