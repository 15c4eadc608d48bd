-- Writes a C++ file that holds the texts of the given files:
--
--     embed.lua modules OUT NAME=PATH...     for lua/embedded.h; of Lua modules the bytecode too
--     embed.lua pages OUT PATH...            for format/pages.h, by the names of the files
--
-- The program starts in half the time when it need not parse its modules. Bytecode keeps lines and
-- names, so that errors are told as from the text; it fits the LuaJIT that compiled it only.

local LINE = 60

local function octal(byte) return ("\\%03o"):format(byte:byte()) end

local function literal(bytes)
  local lines = {}
  for at = 1, math.max(#bytes, 1), LINE do
    local line = bytes:sub(at, at + LINE - 1):gsub('[^%w !#-.:-<>@^-`{-~%[%]/=]', octal)
    lines[#lines + 1] = '    "' .. line .. '"'
  end
  return table.concat(lines, "\n")
end

--- Nothing for what is no module.
local function compile(name, text)
  local module = name:match("^lua/(.*%.lua)$")
  return module and string.dump(assert(loadstring(text, "=[" .. module .. "]"))) or ""
end

local kinds = {
  modules = {
    head = '#include "lua/embedded.h"\n\nnamespace oc::lua {\n\nconst EmbeddedFile kEmbedded[] = {',
    entry = function(name, text)
      local code = compile(name, text)
      return ('  {"%s",\n%s,\n   %d,\n%s,\n   %d},'):format(name, literal(text), #text,
        literal(code), #code)
    end,
    tail = ('};\nconst size_t kEmbeddedCount = %%d;\nconst char* const kCodeIsFor = "%s";\n\n'
      .. "}  // namespace oc::lua\n"):format(jit.version),
  },
  pages = {
    head = '#include "format/pages.h"\n\nnamespace oc::format {\n\nconst PageText kPageTexts[] = {',
    entry = function(name, text)
      return ('  {"%s", {\n%s,\n   %d}},'):format(name:match("[^/]*$"), literal(text), #text)
    end,
    tail = "};\nconst size_t kPageTextCount = %d;\n\n}  // namespace oc::format\n",
  },
}

local kind = kinds[arg[1]]
local parts = { kind.head }
for i = 3, #arg do
  local name, path = arg[i]:match("^(.-)=(.*)$")
  local file = assert(io.open(path or arg[i], "rb"))
  parts[#parts + 1] = kind.entry(name or arg[i], file:read("*a"))
  file:close()
end
parts[#parts + 1] = kind.tail:format(#arg - 2)
local out = assert(io.open(arg[2], "wb"))
out:write(table.concat(parts, "\n"))
out:close()
