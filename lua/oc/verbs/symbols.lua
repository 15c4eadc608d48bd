--- `oc symbols FILE [ADDRESS|NAME…]`: what a program or library tells of its code.

local C = require "oc.abi"
local args = require "oc.args"
local errors = require "oc.errors"
local ffi = require "ffi"
local json = require "oc.json"
local text_table = require "oc.text_table"

local M = {}

local HEAD = [[
--- What a program or library tells of its code: functions, files, lines, inlined calls.
---
--- Without more: its build id, where its debug file was found or which places were tried, how many
--- symbols come from where. An ADDRESS is as linked (0x1234, what nm and objdump show); - reads
--- addresses from standard input, one a line. A NAME or glob is looked for among the symbols, as
--- it is in the file and as it was written in the source.
---
--- Example: oc symbols /usr/lib/x86_64-linux-gnu/libc.so.6
--- Example: oc symbols /usr/lib/x86_64-linux-gnu/libc.so.6 'mem*'
--- Example: oc symbols ./program 0x1149 0x1187
--- Example: oc symbols --symfs /srv/image /usr/bin/program main
]]

local function open(path, root)
  local symbols = C.oc_symbols_open(path, root)
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

local function show(symbols, word, as_json)
  local address = address_of(word)
  if address then return show_address(symbols, word, address, as_json) end
  return show_names(symbols, word, as_json)
end

---@param argv string[]
function M.run(argv)
  local context = args.new_context { argv = argv, verb = "symbols", script_name = "symbols",
    usage = "FILE [ADDRESS|NAME|-]…", head = HEAD }
  context:finish()
  local words, options = context.positionals, context.options
  if not words[1] or context.command then
    errors.wrong_usage("oc symbols needs a file", "oc symbols /usr/bin/ls")
  end
  local symbols = open(words[1], options.symfs or "")
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
        if line ~= "" and not show(symbols, text, options.json) then all_found = false end
      end
    else
      all_found = show(symbols, words[i], options.json) and all_found
    end
  end
  return all_found and 0 or 1
end

return M
