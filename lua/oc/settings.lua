--- What the command line chose, for everything in `oc` that prints or runs.

local errors = require "oc.errors"

---@class oc.settings
---@field json boolean `--json`: results are JSON documents, one a line
---@field write fun(text: string) where results go
---@field run table `-i`, `-d`, `-n`, `--time`, `--buffer` and the command, by name
---@field color "auto"|"always"|"never" `--color`
---@field verbose boolean
---@field quiet boolean
---@field traceback boolean
---@field stdin_is_script boolean
---@field leave_prompt fun()? told before somebody else reads lines than the session that feeds
---@field is_stopped boolean somebody ended the script where it stopped (oc.repl)
---@field debuginfod boolean
---@field profile boolean callbacks are timed
---@field checked boolean events may not be used once their callback returned
---@field errors oc.errors.Collector of callbacks
---@field read_source fun(chunk: string): string? the text of a chunk
---@field before_open fun() told before the first trace is opened
---@field begin_run fun() told when a run begins
---@field finished fun(trace: oc.Trace) told when a run is over
local M = {
  json = false,
  color = "auto",
  verbose = false,
  quiet = false,
  traceback = false,
  stdin_is_script = false,
  is_stopped = false,
  debuginfod = false,
  profile = false,
  checked = false,
  run = {},
  errors = errors.Collector.new({ max = 20 }),
  write = function(text) io.stdout:write(text) end,
  read_source = function() return nil end,
  before_open = function() end,
  begin_run = function() end,
  finished = function() end,
}

--- Takes `--debuginfod`, which asks nobody where no server is named.
---@param wants boolean?
function M.use_debuginfod(wants)
  M.debuginfod = wants or false
  if wants and (os.getenv("DEBUGINFOD_URLS") or "") == "" then
    errors.wrong_usage("--debuginfod: DEBUGINFOD_URLS names no server",
      "as in: export DEBUGINFOD_URLS=https://debuginfod.example.org")
  end
end

return M
