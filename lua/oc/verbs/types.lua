--- `oc types [GLOB] [-o FILE] [--luarc]`: what an editor needs to know of `oc` and of events.

local args = require "oc.args"
local errors = require "oc.errors"
local json = require "oc.json"
local outputs = require "oc.outputs"
local session_of = require "oc.session"

local M = {}

local HEAD = [[
--- Types for editors (LuaCATS, as lua-language-server reads them).
---
--- Of everything that scripts can call, and of the events of this machine or of a trace (-i), with
--- their fields.
---
--- --luarc writes a .luarc.json into this folder, which tells the editor where they are. A GLOB
--- takes some of the events only: an editor is slower the more there are. Files that are there are
--- not replaced without --force, and one that cannot be completed does not appear.
---
--- Example: oc types -o oc-types.lua --luarc
--- Example: oc types -i perf.data -o oc-types.lua
]]

local SCHEMA = "https://raw.githubusercontent.com/LuaLS/vscode-lua/master/setting/schema.json"
local LUARC = ".luarc.json"

local function exists(path)
  local file = io.open(path)
  if file then file:close() end
  return file ~= nil
end

local function write_luarc(types_path)
  local library = json.encode(types_path)
  outputs.write_file(LUARC, ([[
{
  "$schema": "%s",
  "runtime.version": "LuaJIT",
  "workspace.library": [%s],
  "workspace.checkThirdParty": false
}
]]):format(SCHEMA, library))
end

---@param argv string[]
function M.run(argv)
  local context = args.new_context { argv = argv, verb = "types", script_name = "types",
    usage = "[GLOB] [-o FILE] [options]", head = HEAD }
  context:finish()
  local options, words = context.options, context.positionals
  if words[2] then errors.wrong_usage(("'%s' is one argument too many"):format(words[2])) end
  if options.luarc and not options.output then
    errors.wrong_usage("--luarc wants to know where the types are", "give -o FILE, too")
  elseif options.luarc and exists(LUARC) and not options.force then
    errors.wrong_usage(LUARC .. " is there already",
      "add the file to its workspace.library, or say --force")
  end
  if options.output then outputs.check_place(options.output, options.force) end
  if options.luarc then outputs.check_place(LUARC, options.force) end
  local session = session_of.new(options.input)
  local text = require("oc.types").text(session, options.input, words[1])
  if not options.output or options.output == "-" then
    io.stdout:write(text)
  else
    outputs.write_file(options.output, text)
  end
  if options.luarc then write_luarc(options.output) end
  return 0
end

return M
