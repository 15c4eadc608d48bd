--- What the command line chose, for everything in `oc` that prints.

---@class oc.settings
---@field json boolean `--json`: results are JSON documents, one a line
---@field write fun(text: string) where results go
local M = {
  json = false,
  write = function(text) io.stdout:write(text) end,
}

return M
