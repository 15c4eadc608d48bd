--- `oc doctor`: what works here, what does not, and the command that mends it.

local C = require "oc.abi"
local args = require "oc.args"
local errors = require "oc.errors"
local ffi = require "ffi"
local json = require "oc.json"
local terminal = require "oc.terminal"
local text_table = require "oc.text_table"

local M = {}

local HEAD = [[
--- What works here, what does not, and the one command that mends it.
---
--- Everything is tried, not guessed: events are opened and closed, a program is given to bpf().
--- Nothing is changed. "limited" is what oc runs without; "missing" ends it with status 1.
---
--- Example: oc doctor
--- Example: oc doctor --json
]]

local states = { [0] = "ok", "limited", "missing" }
local styles = { ok = "good", limited = "limited", missing = "bad" }

--- What was found, in the order in which it is shown.
---@return { name: string, state: string, value: string, meaning: string, fix: string }[]
local function examine()
  local doctor = C.oc_doctor_examine()
  if doctor == nil then error(errors.new("there is no memory to look around"), 0) end
  local raw, findings = ffi.new("oc_finding"), {}
  while C.oc_doctor_finding(doctor, #findings, raw) == 1 do
    findings[#findings + 1] = {
      name = ffi.string(raw.name), state = states[raw.state], value = ffi.string(raw.value),
      meaning = ffi.string(raw.meaning), fix = ffi.string(raw.fix),
    }
  end
  C.oc_doctor_close(doctor)
  return findings
end

local function as_json(findings, is_good)
  for _, finding in ipairs(findings) do
    io.stdout:write(json.encode({
      name = finding.name, state = finding.state, value = finding.value,
      meaning = finding.meaning ~= "" and finding.meaning or nil,
      fix = finding.fix ~= "" and finding.fix or nil,
    }), "\n")
  end
  io.stdout:write(json.encode({ summary = { works = is_good } }), "\n")
end

local function as_text(findings, is_quiet)
  local rows = {}
  for _, finding in ipairs(findings) do
    rows[#rows + 1] = { finding.state, finding.name, finding.value,
      styles = { styles[finding.state] } }
  end
  local lines = text_table.render_lines({ {}, {}, {} }, rows, { paint = terminal.painter() })
  local indent
  for _, row in ipairs(rows) do indent = math.max(indent or 0, #row[2]) end
  indent = (" "):rep(#"missing" + 2 + indent + 2)
  local i = 0
  for line in lines:gmatch("[^\n]*\n") do
    i = i + 1
    local finding = findings[i]
    if not is_quiet or finding.state ~= "ok" then
      io.stdout:write(line)
      if finding.meaning ~= "" then io.stdout:write(indent, finding.meaning, "\n") end
      if finding.fix ~= "" then io.stdout:write(indent, "fix: ", finding.fix, "\n") end
    end
  end
end

local function summary(counts)
  if counts.missing > 0 then
    return counts.missing .. " of what oc is for does not work here; recorded traces can be read "
      .. "all the same"
  end
  if counts.limited > 0 then
    return ("all that oc needs works; %d limited"):format(counts.limited)
  end
  return "everything works"
end

---@param argv string[]
function M.run(argv)
  local context = args.new_context { argv = argv, verb = "doctor", script_name = "doctor",
    usage = "[--json]", head = HEAD }
  context:finish()
  if context.positionals[1] or context.command then
    errors.wrong_usage("oc doctor looks at everything: it takes no names")
  end
  local findings, counts = examine(), { ok = 0, limited = 0, missing = 0 }
  for _, finding in ipairs(findings) do counts[finding.state] = counts[finding.state] + 1 end
  local is_good = counts.missing == 0
  if context.options.json then
    as_json(findings, is_good)
  else
    as_text(findings, context.options.quiet)
    io.stdout:write("\n", summary(counts), "\n")
  end
  return is_good and 0 or 1
end

return M
