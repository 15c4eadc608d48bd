-- Writes a C++ file that holds the given files (style sheets, scripts, pages) as texts for pages.h:
-- embed.lua OUT PATH...

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

local parts = { '#include "format/pages.h"\n', "namespace oc::format {\n",
  "const PageText kPageTexts[] = {" }
for i = 2, #arg do
  local file = assert(io.open(arg[i], "rb"))
  local text = file:read("*a")
  file:close()
  parts[#parts + 1] = ('  {"%s", {\n%s,\n   %d}},'):format(arg[i]:match("[^/]*$"), literal(text), #text)
end
parts[#parts + 1] = "};"
parts[#parts + 1] = ("const size_t kPageTextCount = %d;\n"):format(#arg - 1)
parts[#parts + 1] = "}  // namespace oc::format\n"
local out = assert(io.open(arg[1], "wb"))
out:write(table.concat(parts, "\n"))
out:close()
