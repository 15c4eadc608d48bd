--- Scripts of record-trace as they are, in Rhai (https://rhai.rs): translated to Lua, line by line,
--- as far as such scripts go. What has no counterpart here is an error at its line.
--
--     let flags = new_timeline_event_flags();        local flags = new_timeline_event_flags();
--     if env.os_major() >= 6 && !old { … }           if env.os_major() >= 6 and not old then … end
--
-- Statements: let, const, if, else, while, loop, for (over arrays and ranges), fn, return, break,
-- assignments, calls. Expressions: literals, arrays, operators, calls, indices.

local M = {}

local Parser = {}
Parser.__index = Parser

local refused = { "switch", "import", "export", "private", "this", "try", "catch", "throw", "eval",
  "continue", "do", "until" }
for _, word in ipairs(refused) do refused[word] = true end

-- Lua's words that are names in Rhai.
local lua_words = {}
for word in ("and elseif end function goto local nil not or repeat then"):gmatch("%a+") do
  lua_words[word] = true
end

local function fail(line, message) error({ rhai_line = line, message = message }, 0) end

-- Words ------------------------------------------------------------------------------------------

local TWO = { ["=="] = true, ["!="] = true, ["<="] = true, [">="] = true, ["&&"] = true,
  ["||"] = true, ["+="] = true, ["-="] = true, ["*="] = true, ["/="] = true, [".."] = true,
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
local function words_of(text)
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

-- Writing ----------------------------------------------------------------------------------------

function Parser:peek(ahead) return self.words[self.at + (ahead or 0)] or self.words[#self.words] end
function Parser:is(text) return self:peek().kind ~= "text" and self:peek().text == text end

--- Lua's text, on the line that the word had.
function Parser:put(text, line)
  while self.line < line do
    self.out[#self.out + 1], self.line = "\n", self.line + 1
  end
  self.out[#self.out + 1] = text .. " "
end

function Parser.fail(_, word) fail(word.line, ("'%s' cannot be carried over"):format(word.text)) end

function Parser:take(wanted)
  local word = self:peek()
  if wanted and not self:is(wanted) then
    fail(word.line, ("'%s' is expected before '%s'"):format(wanted, word.text))
  end
  self.at = self.at + 1
  return word
end

function Parser:take_name()
  local word = self:take()
  if word.kind ~= "name" or refused[word.text] then self:fail(word) end
  return lua_words[word.text] and word.text .. "_" or word.text
end

local binary = { ["=="] = "==", ["!="] = "~=", ["<="] = "<=", [">="] = ">=", ["<"] = "<",
  [">"] = ">", ["&&"] = "and", ["||"] = "or", ["+"] = "+", ["-"] = "-", ["*"] = "*", ["/"] = "/",
  ["%"] = "%" }

function Parser:list(close)
  while not self:is(close) do
    self:expression()
    if not self:is(close) then self:put(",", self:take(",").line) end
  end
  self:put(close == "]" and "}" or ")", self:take(close).line)
end

function Parser:primary()
  local word = self:take()
  if word.kind == "text" then
    self:put(("%q"):format(word.text):gsub("\n", "n"), word.line)
  elseif word.kind == "number" then
    self:put(word.text, word.line)
  elseif word.text == "(" and word.kind == "mark" then
    self:put("(", word.line)
    self:expression()
    self:put(")", self:take(")").line)
  elseif word.text == "[" and word.kind == "mark" then
    self:put("{", word.line)
    self:list("]")
  elseif word.kind == "name" and not refused[word.text] then
    self:put(lua_words[word.text] and word.text .. "_" or word.text, word.line)
  else
    self:fail(word)
  end
end

function Parser:suffixes()
  while true do
    local word = self:peek()
    if self:is("(") then
      self:put("(", self:take().line)
      self:list(")")
    elseif self:is(".") then
      self:take()
      self:put("." .. self:take_name(), word.line)
    elseif self:is("[") then
      self:put("[1 + (", self:take().line)  -- arrays begin at 0 there
      self:expression()
      self:put(")]", self:take("]").line)
    else
      return
    end
  end
end

function Parser:expression()
  local word = self:peek()
  if self:is("!") or self:is("-") then
    self:put(word.text == "!" and "not" or "-", self:take().line)
  end
  self:primary()
  self:suffixes()
  local operator = self:peek()
  local lua = operator.kind == "mark" and binary[operator.text]
  if not lua then return end
  self:take()
  local texts = operator.text == "+" and (self:peek().kind == "text"
    or self:peek(-2).kind == "text")
  self:put(texts and ".." or lua, operator.line)
  self:expression()
end

-- Statements -------------------------------------------------------------------------------------

function Parser:block()
  self:take("{")
  while not self:is("}") do self:statement() end
  return self:take("}").line
end

function Parser:branch()
  self:expression()
  self:put("then", self:peek().line)
  local line = self:block()
  if not self:is("else") then return self:put("end", line) end
  self:take()
  if self:is("if") then
    self:put("elseif", self:take().line)
    return self:branch()
  end
  self:put("else", line)
  self:put("end", self:block())
end

local statements = {}

function statements.let(self, line)
  self:put("local " .. self:take_name(), line)
  if self:is("=") then
    self:put("=", self:take().line)
    self:expression()
  end
  self:put(";", self:take(";").line)
end
statements.const = statements.let

statements["if"] = function(self, line)
  self:put("if", line)
  self:branch()
end

statements["while"] = function(self, line)
  self:put("while", line)
  self:expression()
  self:put("do", line)
  self:put("end", self:block())
end

function statements.loop(self, line)
  self:put("while true do", line)
  self:put("end", self:block())
end

statements["for"] = function(self, line)
  local name = self:take_name()
  self:take("in")
  local from = self.at
  self:put("for _, " .. name .. " in ipairs(", line)
  local mark = #self.out
  self:expression()
  if self:is("..") then  -- the first number is there already; the last one is not in the range
    self.out[mark] = self.out[mark]:gsub("for .*$", "for " .. name .. " = ")
    self:take()
    if self:is("=") then self:fail(self:peek()) end
    self:put(", -1 +", line)
    self:expression()
    self:put("do", line)
  else
    self:put(") do", line)
  end
  assert(self.at > from)
  self:put("end", self:block())
end

function statements.fn(self, line)
  self:put("local function " .. self:take_name() .. "(", line)
  self:take("(")
  while not self:is(")") do
    self:put(self:take_name(), line)
    if not self:is(")") then self:put(",", self:take(",").line) end
  end
  self:put(")", self:take(")").line)
  self:put("end", self:block())
end

statements["return"] = function(self, line)
  self:put("do return", line)
  if not self:is(";") then self:expression() end
  self:put("end", self:take(";").line)
end

statements["break"] = function(self, line)
  self:put("do break end", line)
  self:take(";")
end

local updates = { ["+="] = "+", ["-="] = "-", ["*="] = "*", ["/="] = "/" }

function Parser:call_or_assignment()
  local from, word = #self.out + 1, self:peek()
  self:primary()
  self:suffixes()
  local update = updates[self:peek().text]
  if self:is("=") or update then
    local target = table.concat(self.out, "", from)
    self:put("=", self:take().line)
    if update then self:put(target:gsub("\n", " ") .. update, self:peek().line) end
    self:expression()
  elseif self:peek(-1).text ~= ")" then
    self:fail(word)
  end
  if not self:is("}") and self:peek().kind ~= "end" then self:put(";", self:take(";").line) end
end

function Parser:statement()
  local word = self:peek()
  if self:is(";") then return self:take() end
  local statement = word.kind == "name" and statements[word.text]
  if statement then
    self:take()
    return statement(self, word.line)
  end
  self:call_or_assignment()
end

--- The script in Lua, lines where they were; nil and "name:line: …" when it cannot be carried over.
---@param text string
---@param name string
---@return string? lua
---@return string? problem
function M.translate(text, name)
  local ok, result = pcall(function()
    local self = setmetatable({ words = words_of(text), at = 1, line = 1, out = {} }, Parser)
    self:put('require("oc.record_trace").globals();', 1)
    while self:peek().kind ~= "end" do self:statement() end
    return table.concat(self.out)
  end)
  if ok then return result end
  if type(result) == "string" and result:find("stack overflow", 1, true) then
    return nil, name .. ":1: brackets are nested too deeply"
  elseif type(result) ~= "table" or not result.rhai_line then
    error(result, 0)
  end
  return nil, ("%s:%d: %s"):format(name, result.rhai_line, result.message)
end

return M
