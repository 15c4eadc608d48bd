--- `oc script NAME|FILE|-`: a script by path, by a stock script's name, or from standard input.

local args = require "oc.args"
local errors = require "oc.errors"
local host = require "oc.host"
local nearest = require "oc.nearest"
local runner = require "oc.verbs.runner"
local settings = require "oc.settings"

local M = {}

--- The stock scripts' names, sorted.
---@return string[]
function M.stock_names()
  local names = {}
  for _, file in ipairs(host.files()) do
    names[#names + 1] = file:match("^scripts/(.+)%.lua$")
  end
  table.sort(names)
  return names
end

--- The source of a stock script; nil when there is none of the name.
---@param name string with or without ".lua"
---@return string?
function M.stock_source(name) return host.text("scripts/" .. name:gsub("%.lua$", "") .. ".lua") end

--- Without the mark that some editors put first; line numbers stay.
local function without_bom(text) return (text:gsub("^\239\187\191", "")) end

-- How a perf.data begins, of a machine of either byte order.
local trace_marks = { PERFILE2 = true, ["2ELIFREP"] = true }

--- The rest of a script behind its first bytes; wrong usage when they are those of a trace.
local function read_rest(file, first, path)
  if trace_marks[first] then
    errors.wrong_usage((path or "standard input") .. " is a recorded trace, not a script",
      "oc script -i " .. (path or "FILE") .. " cpu_top")
  end
  return file:read("*a")
end

local function read_file(path)
  local file, problem = io.open(path, "rb")
  if not file then return nil, problem end
  local first, failure = file:read(8)
  local rest = ""
  if not failure then rest, failure = read_rest(file, first, path) end
  file:close()
  if failure then return nil, path .. ": " .. tostring(failure) end
  return without_bom((first or "") .. rest)
end

--- Finds a script: text and chunk name. A path wins over a stock script where it exists and is
--- written as a file (with a "/" or ".lua"); a bare name is a stock script's.
local function find(name)
  if name == "-" then
    settings.stdin_is_script = true
    local first = io.stdin:read(8)
    return without_bom((first or "") .. (read_rest(io.stdin, first) or "")), "=stdin"
  end
  local looks_like_path = name:find("/", 1, true) or name:find("%.lua$")
  local text, problem
  if looks_like_path then
    text, problem = read_file(name)
    if text then return text, "@" .. name end
  end
  if not name:find("/", 1, true) then
    local source = M.stock_source(name)
    if source then return source, "@" .. name:gsub("%.lua$", "") .. ".lua" end
  end
  if not looks_like_path then
    text = read_file(name)
    if text then return text, "@" .. name end
  end
  if name:find("/", 1, true) then
    errors.wrong_usage("cannot read the script: " .. problem)
  end
  for _, scenario in ipairs(require("oc.scenario").all()) do
    if scenario.name == name then
      errors.wrong_usage(("'%s' is a scenario, and no script"):format(name),
        ("as in: oc report --scenario %s"):format(name))
    end
  end
  errors.wrong_usage(("there is no script '%s', neither a file nor one of oc's"):format(name),
    nearest.hint(name:gsub("%.lua$", ""), M.stock_names()) or "oc list scripts shows oc's")
end

---@param argv string[]
function M.run(argv)
  local context = args.new_context { argv = argv, verb = "script" }
  if not context.script then
    errors.wrong_usage("which script?",
      "oc list scripts shows oc's; or give a file, or - for standard input")
  end
  local source, name = find(context.script)
  context.head = source
  return runner.run(context, source, name)
end

return M
