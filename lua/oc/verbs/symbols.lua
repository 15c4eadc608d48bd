--- `oc symbols`: what a program or library tells of its code, or where the names of a trace's
--- modules come from.

local C = require "oc.abi"
local args = require "oc.args"
local cells = require "oc.cells"
local errors = require "oc.errors"
local ffi = require "ffi"
local json = require "oc.json"
local modules_of = require "oc.modules"
local nearest = require "oc.nearest"
local session_of = require "oc.session"
local settings = require "oc.settings"
local text_table = require "oc.text_table"

local M = {}

local HEAD = [[
--- What a program or library tells of its code, or where the names of a trace's modules come from.
---
--- Of a program: its build id, where its debug file was found or which places were tried, how many
--- symbols come from where. An ADDRESS is as linked (0x1234, what nm and objdump show); - reads
--- addresses from standard input, one a line. A NAME or glob is looked for among the symbols, as
--- it is in the file and as it was written in the source.
---
--- Of a trace: each module that its samples are in, how many they are, which share of them has
--- names, who tells these, whether there are lines, and why not. A MODULE or glob chooses some;
--- -v shows every place where a debug file was looked for.
---
--- Example: oc symbols /usr/lib/x86_64-linux-gnu/libc.so.6
--- Example: oc symbols /usr/lib/x86_64-linux-gnu/libc.so.6 'mem*'
--- Example: oc symbols perf.data
--- Example: oc symbols perf.data --all-modules --json
--- Example: oc symbols ./program 0x1149 0x1187
--- Example: oc symbols --symfs /srv/image /usr/bin/program main
]]

local function open(path, options)
  settings.use_debuginfod(options.debuginfod)
  local symbols = C.oc_symbols_open(session_of.host_pointer, path, options.symfs or "",
    options.debuginfod and 1 or 0)
  if symbols == nil then error(errors.new("there is no memory to open " .. path), 0) end
  symbols = ffi.gc(symbols, C.oc_symbols_close)
  local problem = ffi.string(C.oc_symbols_error(symbols))
  if problem ~= "" then
    local hint = "oc symbols looks into programs, libraries and debug files"
    error(errors.new(problem, { hint = hint }), 0)
  end
  return symbols
end

local function facts_of(symbols)
  local key, value = ffi.new "const char*[1]", ffi.new "const char*[1]"
  local facts = {}
  while C.oc_symbols_fact(symbols, #facts, key, value) == 1 do
    facts[#facts + 1] = { ffi.string(key[0]), ffi.string(value[0]) }
  end
  return facts
end

local function show_facts(symbols, as_json)
  local facts = facts_of(symbols)
  if not as_json then
    io.stdout:write(text_table.render_lines({ {}, {} }, facts))
    return
  end
  local all = { tried = {} }
  for _, fact in ipairs(facts) do
    local key = fact[1]:gsub("^ +", ""):gsub(" ", "_")
    if key == "tried" then
      table.insert(all.tried, fact[2])
    else
      all[key] = tonumber(fact[2]) and not key:find("id") and tonumber(fact[2]) or fact[2]
    end
  end
  io.stdout:write(json.encode(all), "\n")
end

local raw_place, raw_call

local function find(symbols, address)
  raw_place = raw_place or ffi.new "oc_symbol_place"
  raw_call = raw_call or ffi.new "oc_symbol_call"
  local found = C.oc_symbols_find(symbols, address, raw_place) == 1
  local place = { calls = {} }
  if not found then return place end
  if raw_place.name[0] ~= 0 then
    place.symbol, place.offset = ffi.string(raw_place.name), raw_place.offset
    place.source = ffi.string(raw_place.source)
  end
  for i = 0, raw_place.calls - 1 do
    C.oc_symbols_call(symbols, i, raw_call)
    place.calls[i + 1] = { ["function"] = ffi.string(raw_call.name),
      file = ffi.string(raw_call.file), line = raw_call.line }
  end
  return place
end

local function shown_line(call)
  if call.file == "" then return "??:?" end
  return call.file .. ":" .. (call.line == 0 and "?" or call.line)
end

local function show_address(symbols, text, address, as_json)
  local place = find(symbols, address)
  if as_json then
    place.address = text
    io.stdout:write(json.encode(place), "\n")
    return place.symbol ~= nil or #place.calls > 0
  end
  local symbol = place.symbol and ("%s+0x%x"):format(place.symbol, place.offset) or "[unknown]"
  if #place.calls == 0 then
    io.stdout:write(text, "  ", symbol, "\n")
  end
  local indent = (" "):rep(#text)
  for i, call in ipairs(place.calls) do
    local is_last = i == #place.calls
    local name = is_last and (place.symbol and symbol or call["function"])
      or call["function"] .. " (inlined)"
    io.stdout:write(i == 1 and text or indent, "  ", name, "  ", shown_line(call), "\n")
  end
  return place.symbol ~= nil or #place.calls > 0
end

local function show_names(symbols, pattern, as_json)
  local count, raw = C.oc_symbols_search(symbols, pattern), ffi.new "oc_symbol"
  for i = 0, count - 1 do
    C.oc_symbols_match(symbols, i, raw)
    local address = ("0x%s"):format(bit.tohex(raw.address, 16):gsub("^0+(.)", "%1"))
    local name, source = ffi.string(raw.name), ffi.string(raw.source)
    if as_json then
      io.stdout:write(json.encode { address = address, size = raw.size_bytes, name = name,
        source = source }, "\n")
    else
      io.stdout:write(("%-18s %8d  %s  (%s)\n"):format(address, raw.size_bytes, name, source))
    end
  end
  return count > 0
end

--- An address as 64 bits; nil when it is none.
local function address_of(text)
  local digits = text:match("^0[xX](%x+)$")
  if not digits or #digits > 16 then return nil end
  local padded = ("0"):rep(16 - #digits) .. digits
  return tonumber(padded:sub(1, 8), 16) * 0x100000000ULL
    + tonumber(padded:sub(9), 16)
end

local function complain(path, text, ...)
  io.stdout:flush()
  io.stderr:write("oc: ", path, ": ", text:format(...), "\n")
end

--- One word of the command line; false when nothing was found, which is told.
local function show(symbols, path, word, as_json)
  local address = address_of(word)
  if address then
    if show_address(symbols, word, address, as_json) then return true end
    complain(path, "nothing is known of %s: %s", word,
      ffi.string(C.oc_symbols_gap(symbols, address)))
    return false
  end
  if word:find("^0[xX]") then
    errors.wrong_usage(("'%s' is no address"):format(word), "as in 0x1149: up to 16 hex digits")
  end
  if show_names(symbols, word, as_json) then return true end
  local hint = ffi.string(C.oc_symbols_near(symbols, word))
  if hint == "" and word:find("^%x+$") then hint = "an address begins with 0x: 0x" .. word end
  complain(path, "no symbol is called '%s'%s", word, hint ~= "" and "; " .. hint or "")
  return false
end

local function show_program(path, words, options)
  local symbols = open(path, options)
  if not words[2] then
    show_facts(symbols, options.json)
    return 0
  end
  local all_found = true
  for i = 2, #words do
    if words[i] == "-" then
      for line in io.stdin:lines() do
        line = line:match("^%s*(.-)%s*$")
        local text = line:find("^0[xX]") and line or "0x" .. line
        if line ~= "" and not address_of(text) then
          errors.wrong_usage("'" .. line .. "' is no address")
        end
        if line ~= "" and not show(symbols, path, text, options.json) then all_found = false end
      end
    else
      all_found = show(symbols, path, words[i], options.json) and all_found
    end
  end
  return all_found and 0 or 1
end

-- Of a trace -------------------------------------------------------------------------------------

local function names_line(module)
  if not module.names_from then return "none: " .. (module.reason or "nobody tells any") end
  local whence = module.names_from
  if module.names_from == "debug file" then
    whence = whence .. " " .. tostring(module.debug_file)
  elseif module.origin then
    whence = module.origin
  end
  local why = module.reason and ": " .. module.reason or ""
  return ("%.0f from %s%s"):format(module.symbols, whence, why)
end

local function show_module(module, total, options)
  if options.json then
    io.stdout:write(json.encode(json.object(module)), "\n")
    return
  end
  local function line(key, text) io.stdout:write(("    %-9s %s\n"):format(key, text)) end
  io.stdout:write(cells.clean(module.path), "\n")
  local share = total > 0 and 100 * module.samples / total or 0
  local named = module.samples > 0
    and ("; %.1f %% of them named"):format(100 * module.named / module.samples) or ""
  line("samples", ("%.0f (%.1f %%), in %.0f stacks%s"):format(module.samples, share,
    module.in_stacks, named))
  if module.build_id then
    line("build id", module.build_id .. (module.verified and ", the file's too" or ""))
  end
  if module.file and module.file ~= module.path then line("file", module.file) end
  line("names", names_line(module))
  line("lines", module.lines and "yes" or "none: " .. module.no_lines)
  if options.verbose or not module.names_from then
    for _, tried in ipairs(module.tried) do line("tried", tried) end
  end
end

--- Whether one of the words, names or globs, means this module.
local function is_wanted(path, words)
  for i = 2, #words do
    local pattern = words[i]:gsub("[%^%$%(%)%%%.%[%]%+%-]", "%%%0"):gsub("%*", ".*")
      :gsub("%?", ".")
    if path:find("^" .. pattern .. "$") or path:match("[^/]*$"):find("^" .. pattern .. "$") then
      return true
    end
  end
  return #words < 2
end

local function show_trace(path, words, options)
  modules_of.apply(options)
  local modules = modules_of.read(path)
  modules:finish { all = options.all_modules, names = true }
  local listed, total, paths = {}, 0, {}
  for module in modules:each() do
    total = total + module.samples
    paths[#paths + 1] = module.path:match("[^/]*$")
    if is_wanted(module.path, words) then listed[#listed + 1] = module end
  end
  for _, module in ipairs(listed) do show_module(module, total, options) end
  if modules.interrupted() then complain(path, "interrupted: not all samples were counted") end
  if #listed > 0 then return 0 end
  if #paths == 0 then
    complain(path, "no sample tells where it was taken")
  else
    complain(path, "no module with samples is called '%s'%s", words[2],
      nearest.hint(words[2], paths) and "; " .. nearest.hint(words[2], paths) or "")
  end
  return 1
end

---@param argv string[]
function M.run(argv)
  local context = args.new_context { argv = argv, verb = "symbols", script_name = "symbols",
    usage = "FILE [ADDRESS|NAME|-]… or TRACE [MODULE…]", head = HEAD }
  context:finish()
  local words, options = context.positionals, context.options
  if context.command then
    errors.wrong_usage("oc symbols runs no command", "leave out what stands behind --")
  elseif not words[1] then
    errors.wrong_usage("oc symbols needs a file", "as in: oc symbols /usr/bin/ls")
  end
  if modules_of.is_trace(words[1]) then
    if options.symfs then
      errors.wrong_usage("--symfs is for programs, and " .. words[1] .. " is a trace")
    end
    return show_trace(words[1], words, options)
  end
  if options.all_modules then
    errors.wrong_usage("--all-modules is for traces, and " .. words[1] .. " is none")
  end
  return show_program(words[1], words, options)
end

return M
