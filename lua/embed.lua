-- Writes a C++ file that holds the texts of the given files, and of Lua modules the bytecode too:
-- embed.lua OUT NAME=PATH...
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

local parts = { '#include "lua/embedded.h"\n', "namespace oc::lua {\n",
  "const EmbeddedFile kEmbedded[] = {" }
for i = 2, #arg do
  local name, path = arg[i]:match("^(.-)=(.*)$")
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  local code = compile(name, text)
  parts[#parts + 1] = ('  {"%s",\n%s,\n   %d,\n%s,\n   %d},')
    :format(name, literal(text), #text, literal(code), #code)
end
parts[#parts + 1] = "};"
parts[#parts + 1] = ("const size_t kEmbeddedCount = %d;"):format(#arg - 1)
parts[#parts + 1] = ('const char* const kCodeIsFor = "%s";\n'):format(jit.version)
parts[#parts + 1] = "}  // namespace oc::lua\n"
local out = assert(io.open(arg[1], "wb"))
out:write(table.concat(parts, "\n"))
out:close()
