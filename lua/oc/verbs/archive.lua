--- `oc archive TRACE`: a trace with what another machine needs to name and unwind its samples.

local args = require "oc.args"
local errors = require "oc.errors"
local json = require "oc.json"
local modules_of = require "oc.modules"
local units = require "oc.units"

local M = {}

local HEAD = [[
--- A trace with all that another machine needs to name its samples and unwind its stacks.
---
--- The archive holds the trace, the programs and libraries that its samples are in, their debug
--- files as far as they are here, the kernel's names, perf maps and jitdumps. oc reads it wherever
--- it reads a trace (-i), and takes names from it alone. tar xf unpacks it; perf then finds names
--- with --buildid-dir. What could not be put in is told, and why.
---
--- Example: oc archive perf.data -o /tmp/slow.tar.zst --force
--- Example: oc archive perf.data --all-modules -o /tmp/all.tar.zst --force --json
]]

local INCOMPLETE = 3

local function say(text, ...) io.stderr:write("oc: ", text:format(...), "\n") end

local function check(context)
  local words, options = context.positionals, context.options
  if context.command or not words[1] then
    errors.wrong_usage("oc archive needs a trace", "as in: oc archive perf.data")
  elseif words[2] then
    errors.wrong_usage(("'%s' is one argument too many"):format(words[2]),
      "the archive's name stands behind -o")
  elseif words[1] == "-" then
    errors.wrong_usage("oc archive needs a trace that is a file", "write it to a file first")
  end
  local output = options.output
  if output and output ~= "-" and not output:find("%.tar$") and not output:find("%.tar%.[gxz]")
    and not output:find("%.t[gxz]") then
    errors.wrong_usage(("-o %s: an archive's name ends with .tar.zst, .tar.gz, .tar.xz or .tar")
      :format(output))
  elseif output == "-" and options.json then
    errors.wrong_usage("--json and -o - both want standard output", "name a file with -o")
  end
end

local function file_size(path)
  local file = io.open(path, "rb")
  local bytes = file and file:seek("end") or 0
  if file then file:close() end
  return bytes
end

--- Tells what is in it and what is not; how many files could not be put in.
local function report(output, files, options)
  local packed, missing, bytes = 0, {}, 0
  for _, file in ipairs(files) do
    if file.name then
      packed, bytes = packed + 1, bytes + file.bytes
    else
      missing[#missing + 1] = file
    end
  end
  if options.json then
    io.stdout:write(json.encode(json.object({ archived = json.object({ path = output,
      file_bytes = file_size(output), bytes = bytes, files = files }) })), "\n")
    return #missing
  end
  for _, file in ipairs(options.verbose and files or {}) do
    if file.name then say("%s: %s", file.name, units.format_size(file.bytes)) end
  end
  for _, file in ipairs(missing) do say("left out: %s: %s", file.what, file.reason) end
  if not options.quiet and output ~= "-" then
    say("%s: %s, %d files of %s", output, units.format_size(file_size(output)), packed,
      units.format_size(bytes))
  end
  return #missing
end

---@param argv string[]
function M.run(argv)
  local context = args.new_context { argv = argv, verb = "archive", script_name = "archive",
    usage = "TRACE [-o OUT] [options]", head = HEAD }
  context:finish()
  check(context)
  local options, trace = context.options, context.positionals[1]
  local output = options.output or trace .. ".tar.zst"
  modules_of.apply(options)
  local modules = modules_of.read(trace)
  if modules.interrupted() then
    error(errors.new("interrupted: nothing was archived",
      { exit_status = 128 + modules.interrupted() }), 0)
  end
  modules:finish { all = options.all_modules }
  local missing = report(output, modules:archive(output, options.force), options)
  return options.strict and missing > 0 and INCOMPLETE or 0
end

return M
