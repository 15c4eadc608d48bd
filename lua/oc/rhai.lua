--- Scripts of record-trace as they are, in Rhai (https://rhai.rs): translated to Lua, line by line,
--- as far as such scripts go. What has no counterpart here is an error at its line.
--
--     let flags = new_timeline_event_flags();        local flags = new_timeline_event_flags();
--     if env.os_major() >= 6 && !old { … }           if env.os_major() >= 6 and not old then … end
--
-- Statements: let, const, if, else, while, loop, for (over arrays and ranges), fn, return, break,
-- assignments, calls. Expressions: literals, arrays, operators, calls, indices.

local words = require "oc.rhai_words"

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

local fail, words_of = words.fail, words.of

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

-- How strongly they bind; of Lua's signs for them those that are others, and the functions for
-- what Lua's signs do otherwise (rhai_operators.lua).
local levels = { ["||"] = 1, ["&&"] = 2, ["=="] = 3, ["!="] = 3, ["<"] = 4, ["<="] = 4, [">"] = 4,
  [">="] = 4, ["+"] = 5, ["-"] = 5, ["*"] = 6, ["/"] = 6, ["%"] = 6 }
local EQUALITY, COMPARISON, STRONGEST = 3, 4, 7
local signs = { ["!="] = "~=", ["&&"] = "and", ["||"] = "or" }
local functions = { ["+"] = "add", ["/"] = "divide", ["%"] = "remainder" }

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

--- One operand with what stands before it.
---@return boolean is_float whether it is one for certain
function Parser:operand()
  while self:is("!") or self:is("-") do
    local word = self:take()
    self:put(word.text == "!" and "not" or "-", word.line)
  end
  local word, at = self:peek(), self.at
  self:primary()
  self:suffixes()
  local is_alone = self.at == at + 1
  return is_alone and (word.kind == "number" and word.text:find(".", 1, true) ~= nil
    or word.kind == "name" and self.floats[word.text] == true)
end

--- Operands and the operators that bind at least so strongly, from left to right.
---@param least? integer
---@return boolean is_float
---@return integer level of the operator that binds least in it
function Parser:expression(least)
  local from = #self.out + 1
  local is_float, bound = self:operand(), STRONGEST
  while true do
    local operator = self:peek()
    local level = operator.kind == "mark" and levels[operator.text]
    if not level or level < (least or 1) then return is_float, bound end
    self:take()
    local name = functions[operator.text]
    if name == "divide" and is_float then name = nil end
    if name then
      table.insert(self.out, from, "oc__." .. name .. "( ")
      self:put(",", operator.line)
    else
      self:put(signs[operator.text] or operator.text, operator.line)
    end
    local right = #self.out + 1
    local right_is_float, right_bound = self:expression(level + 1)
    if level == EQUALITY and right_bound == COMPARISON then  -- one level in Lua
      table.insert(self.out, right, "( ")
      self:put(")", self:peek(-1).line)
    end
    if name then
      if name == "divide" and right_is_float then self.out[from] = "oc__.divide_floats( " end
      self:put(")", self:peek(-1).line)
    end
    is_float, bound = is_float or right_is_float, level
    if level <= COMPARISON then is_float = false end
  end
end

-- Statements -------------------------------------------------------------------------------------

function Parser:block()
  self:take("{")
  self.depth = self.depth + 1
  while not self:is("}") do self:statement() end
  self.depth = self.depth - 1
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
  local name, value_line = self:take_name(), line
  local is_outside = self.depth == 0 and self.has_functions
  if is_outside then self.names[#self.names + 1] = name end
  self:put(is_outside and name or "local " .. name, line)
  if self:is("=") then
    value_line = self:take().line
    self:put("=", value_line)
    self.floats[name] = self:expression()
  elseif is_outside then
    self:put("= nil", value_line)
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

-- Functions are there from the script's first line on, wherever they stand: first it jumps from one
-- to the next, then back to the first line, and from there past them all. So nothing may be
-- declared on the way: the names outside of blocks are declared on the first line.
function statements.fn(self, line)
  if self.depth > 0 then fail(line, "a function inside of a block cannot be carried over") end
  local name, number = self:take_name(), self.functions + 1
  self.functions, self.names[#self.names + 1] = number, name
  self:put(("goto oc__after_%d; ::oc__fn_%d:: %s = function("):format(number, number, name), line)
  self:take("(")
  while not self:is(")") do
    local argument = self:take_name()
    self.floats[argument] = nil
    self:put(argument, line)
    if not self:is(")") then self:put(",", self:take(",").line) end
  end
  self:put(")", self:take(")").line)
  local last = self:block()
  self:put(("end; goto oc__fn_%d; ::oc__after_%d::"):format(number + 1, number), last)
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

local updates = { ["+="] = "oc__.add", ["-="] = "-", ["*="] = "*", ["/="] = "oc__.divide",
  ["%="] = "oc__.remainder" }

--- `x op= a - b` is `x = x op (a - b)`.
function Parser:update(target, operator)
  local line, is_call = self:peek().line, operator:find("^oc__")
  self:put(is_call and operator .. "(" .. target .. "," or target .. operator .. " (", line)
  local at = #self.out
  local is_float = self:expression() or self.floats[target:match("^%s*([%w_]+)%s*$")]
  if is_float and operator == "oc__.divide" then
    self.out[at] = self.out[at]:gsub("divide", "divide_floats", 1)
  end
  self:put(")", self:peek(-1).line)
end

function Parser:call_or_assignment()
  local from, word = #self.out + 1, self:peek()
  self:primary()
  self:suffixes()
  local operator = updates[self:peek().text]
  if self:is("=") or operator then
    local target = table.concat(self.out, "", from):gsub("\n", " ")
    self:put("=", self:take().line)
    if operator then
      self:update(target, operator)
    else
      local is_float = self:expression()
      local name = target:match("^%s*([%w_]+)%s*$")
      if name then self.floats[name] = is_float end
    end
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

--- The first line, once all that is declared outside of blocks is known.
function Parser:head()
  local head = 'require("oc.record_trace").globals(); local oc__ = require("oc.rhai_operators"); '
  if not self.has_functions then return head end
  if #self.names > 0 then head = head .. "local " .. table.concat(self.names, ", ") .. "; " end
  return head .. "goto oc__fn_1; ::oc__main:: "
end

local function translate(text)
  local self = setmetatable({ words = words_of(text), at = 1, line = 1, out = { "" }, depth = 0,
    names = {}, floats = {}, functions = 0 }, Parser)
  for _, word in ipairs(self.words) do
    if word.kind == "name" and word.text == "fn" then self.has_functions = true end
  end
  while self:peek().kind ~= "end" do self:statement() end
  self.out[1] = self:head()
  if self.has_functions then
    self:put(("goto oc__end; ::oc__fn_%d:: goto oc__main; ::oc__end::"):format(self.functions + 1),
      self.line)
  end
  return table.concat(self.out)
end

--- The script in Lua, lines where they were; nil and "name:line: …" when it cannot be carried over.
---@param text string
---@param name string
---@return string? lua
---@return string? problem
function M.translate(text, name)
  local ok, result = pcall(translate, text)
  if ok then return result end
  if type(result) == "string" and result:find("stack overflow", 1, true) then
    return nil, name .. ":1: brackets are nested too deeply"
  elseif type(result) ~= "table" or not result.rhai_line then
    error(result, 0)
  end
  return nil, ("%s:%d: %s"):format(name, result.rhai_line, result.message)
end

return M
