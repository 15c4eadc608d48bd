--- What a function writes to stderr: local text = quietly(function() … end)

---@param fn function
---@return string
return function(fn)
  local real, text = io.stderr, {}
  rawset(io, "stderr", { write = function(_, ...) text[#text + 1] = table.concat { ... } end })
  local ok, err = pcall(fn)
  rawset(io, "stderr", real)
  if not ok then error(err, 0) end
  return table.concat(text)
end
