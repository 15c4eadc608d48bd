--- A session as a script, and what such a script begins with.
--
--     local run, show = require("oc.repl.saved").begin("perf.data")
--     c = count("sched:sched_switch", "comm") run()
--     show(c)

local errors = require "oc.errors"
local output = require "oc.repl.output"
local scan = require("oc.repl.scan").scan
local settings = require "oc.settings"

local M = {}

--- The script may be run from anywhere.
local function absolute(path)
  if path:find("^/") or path == "-" then return path end
  local list = io.popen("pwd -P")
  local folder = list and list:read("*l")
  if list then list:close() end
  return folder and folder:gsub("/$", "") .. "/" .. path or path
end

--- An input as lines of the script. What returns does not end the script.
local function line_of(kept)
  if kept.file then
    return ("setfenv(assert(loadfile(%q)), getfenv(1))()%s"):format(absolute(kept.file),
      kept.ran and " run()" or "")
  end
  local source = kept.source:gsub("%s+$", "")
  if not kept.is_expression then
    if source:find("%f[%w_]return%f[^%w_]") then
      source = "do local function line(...)\n" .. source .. "\nend line(...) end"
    end
    return source .. (kept.ran and "\nrun()" or "")
  end
  source = source:gsub("^%s*return%s+", "")
  local open = scan(source).in_comment and "\n" or ""  -- a comment must not take the bracket
  source = source:gsub("^%s*=%s*", ""):gsub(";$", "")
  if kept.ran then return ("show(run(%s%s))"):format(source, open) end
  return ("show(%s%s)"):format(source, open)
end

--- What shows how it is while it runs, and no more behind.
local function is_of_moment(source) return source:find("^%s*live%f[%W]") end

--- h:off(), h:on(): what was switched is switched where it stands, before the run.
local function is_switch(source)
  return source:find(":off%s*%(%s*%)") or source:find(":on%s*%(%s*%)")
end

--- Whether a line needs the value of the one before: `_:off()`.
local function needs_last(session)
  for _, kept in ipairs(session.kept) do
    if kept.source:find("%f[%w_]_%f[^%w_]") then return true end
  end
  return false
end

--- Of a live session: all is asked for first, then it runs, then values are shown.
local function live_lines(session, out)
  local shown, asks, keeps_last = {}, false, needs_last(session)
  for i, kept in ipairs(session.kept) do
    local name = ("value%d"):format(i)
    asks = asks or kept.registers or kept.file ~= nil
    if not kept.is_expression then
      out[#out + 1] = line_of(kept)
    elseif is_switch(kept.source) then
      out[#out + 1] = ("_ = %s"):format(line_of(kept):match("^show%((.*)%)$"))
    elseif kept.registers then
      out[#out + 1] = ("%s = { %s }"):format(name, line_of(kept):match("^show%((.*)%)$"))
      if keeps_last then out[#out + 1] = ("_ = %s[1]"):format(name) end
      shown[#shown + 1] = ("show(unpack(%s))"):format(name)
    elseif not is_of_moment(kept.source) then
      local variable = keeps_last and kept.source:match("^%s*([%a_][%w_.]*)%s*$")
      if variable and variable ~= "_" then out[#out + 1] = "_ = " .. variable end
      shown[#shown + 1] = line_of(kept)
    end
  end
  if asks then out[#out + 1] = "run()  -- until Ctrl-C, -d TIME, or a command's end" end
  for _, line in ipairs(shown) do out[#out + 1] = line end
end

--- The session's inputs that went well, as the text of a script.
---@param session oc.repl.Session
---@return string
function M.text(session)
  local on = session.path and " on " .. session.path or ""
  local out = { ("--- A session of oc repl%s."):format(on), "",
    ("local run, show = require(\"oc.repl.saved\").begin(%s)"):format(
      session.path and ("%q"):format(absolute(session.path)) or ""), "" }
  if session.live then
    live_lines(session, out)
  else
    local last = needs_last(session) and "_ = " or ""
    for _, kept in ipairs(session.kept) do
      out[#out + 1] = (kept.is_expression and last or "") .. line_of(kept)
    end
  end
  local text = table.concat(out, "\n") .. "\n"
  local loads, problem = loadstring(text, "=saved")
  if not loads then error(errors.new("this session does not make a script: " .. problem), 0) end
  return text
end

--- Makes the short verbs bare in the calling script. `-i` goes before `path`.
---@param path? string
---@return fun(...): any run runs what verbs registered; returns its arguments
---@return fun(...): any show shows its arguments, returns the first
function M.begin(path)
  local evaluate, show_value = require "oc.repl.evaluate", require "oc.repl.show"
  settings.before_open()
  local hooks = { settings.finished, settings.read_source }
  local function show(...)
    for i = 1, select("#", ...) do output.show(show_value.text((select(i, ...)))) end
    return (...)
  end
  local session = evaluate.new { name = "saved", path = settings.run.input or path, show = show }
  settings.finished, settings.read_source = hooks[1], hooks[2]
  setfenv(2, setmetatable({}, { __index = session.env, __newindex = session.env }))
  local function run(...)
    session:run_registered()
    return ...
  end
  return run, show
end

return M
