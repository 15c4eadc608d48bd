--- The words of a script in Rhai: names, numbers, texts, marks, each with its line.

local M = {}

--- Ends the translation with what is wrong at a line.
function M.fail(line, message) error({ rhai_line = line, message = message }, 0) end

local fail = M.fail

local TWO = { ["=="] = true, ["!="] = true, ["<="] = true, [">="] = true, ["&&"] = true,
  ["||"] = true, ["+="] = true, ["-="] = true, ["*="] = true, ["/="] = true, ["%="] = true,
  [".."] = true,
  ["::"] = true, ["=>"] = true, ["#{"] = true, ["<<"] = true, [">>"] = true, ["**"] = true,
  ["??"] = true, ["?."] = true }

--- What is no word: passes over blanks and comments; nested ones too, as Rhai has them.
local function skip(text, at, line)
  while true do
    local from, to = text:find("^%s+", at)
    if not from and text:find("^//", at) then
      from, to = at, (text:find("\n", at, true) or #text + 1) - 1
    elseif not from and text:find("^/%*", at) then
      local depth
      from, to, depth = at, at + 1, 1
      while depth > 0 do
        local mark = text:find("[/*][/*]", to + 1)
        if not mark then fail(line, "a comment without an end") end
        local pair = text:sub(mark, mark + 1)
        depth = depth + (pair == "/*" and 1 or pair == "*/" and -1 or 0)
        to = (pair == "/*" or pair == "*/") and mark + 1 or mark
      end
    end
    if not from then return at, line end
    line = line + select(2, text:sub(from, to):gsub("\n", ""))
    at = to + 1
  end
end

local escapes = { n = "\n", t = "\t", r = "\r", ["\\"] = "\\", ['"'] = '"', ["'"] = "'" }

local function read_string(text, at, line)
  local parts, quote = {}, text:sub(at, at)
  at = at + 1
  while true do
    local c = text:sub(at, at)
    if c == "" or c == "\n" then fail(line, "a text without an end") end
    if c == quote then return table.concat(parts), at + 1 end
    if c == "\\" then
      local escaped = escapes[text:sub(at + 1, at + 1)]
      if not escaped then fail(line, "'\\" .. text:sub(at + 1, at + 1) .. "' in a text") end
      parts[#parts + 1], at = escaped, at + 2
    else
      parts[#parts + 1], at = c, at + 1
    end
  end
end

--- All words: { kind = "name"|"number"|"text"|"mark", text, line }.
function M.of(text)
  local words, at, line = {}, 1, 1
  while true do
    at, line = skip(text, at, line)
    if at > #text then break end
    local word = { line = line, kind = "mark" }
    local name = text:match("^[%a_][%w_]*", at)
    local number = text:match("^0x[%x_]+", at) or text:match("^%d[%d_]*%.%d+", at)
      or text:match("^%d[%d_]*", at)
    local c = text:sub(at, at)
    if name then
      word.kind, word.text, at = "name", name, at + #name
    elseif number then
      word.kind, word.text, at = "number", number:gsub("_", ""), at + #number
    elseif c == '"' or c == "'" then
      word.kind = "text"
      word.text, at = read_string(text, at, line)
    elseif c == "`" then
      fail(line, "a text in ` cannot be carried over; write it with \"")
    else
      word.text = TWO[text:sub(at, at + 1)] and text:sub(at, at + 1) or c
      if not word.text:find("^[%p]+$") then fail(line, ("'%s' is no word of Rhai"):format(c)) end
      at = at + #word.text
    end
    words[#words + 1] = word
  end
  words[#words + 1] = { line = line, kind = "end", text = "the end of the file" }
  return words
end

return M
