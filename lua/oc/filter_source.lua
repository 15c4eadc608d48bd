--- Lua source of filters: `function(d)` over an oc_event, true when the event passes.
--
--     next_pid == 5 && prev_comm == 'nginx'
--
--     return function(d)
--       return (cast(i32, d.payload + 56)[0] == 5)
--         and (cast(u32, d.payload + 8)[0] == 0x6e69676e and cast(u16, d.payload + 12)[0] == 0x78)
--     end
--
-- The loads are those of view_source.lua: constant offsets, no call. Numbers of 8 bytes are
-- compared as 64-bit cdata, of the field's own signedness, so exactly; LuaJIT keeps them in
-- registers. Text of fixed fields is compared in pieces of 8, 4, 2 and 1 bytes, its NUL included,
-- and never becomes a Lua string; the name of a thread is one already. Tests on names that are no
-- comparison are remembered by the name's id.

local bit = require "bit"
local ffi = require "ffi"
local kinds = require "oc.kinds"

local M = {}

-- oc::event::FilterNode::Op
local FALSE, TRUE, AND, OR, EQUAL, NOT_EQUAL, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL, TEXT_EQUAL,
  CONTAINS, STARTS_WITH, ENDS_WITH = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13
-- oc_filter_node.type, as far as they are told apart here
local FLOAT, BOOL, TEXT = 1, 2, 3
-- oc::event::FilterField::Place
local PAYLOAD, RECORD, COMMON, ALIAS = 0, 1, 2, 4
-- oc::event::FilterCommon
local commons = { [0] = "d.pid", "d.tid", "d.cpu", "d.thread", "d.time", "d.comm" }
local COMM = 5

local operators = {
  [EQUAL] = "==", [NOT_EQUAL] = "~=", [LESS] = "<", [LESS_EQUAL] = "<=", [GREATER] = ">",
  [GREATER_EQUAL] = ">=",
}

-- Deeper `and` and `or` than Lua's parser takes would need a filter of more levels than there are.
local PIECES = { 8, 4, 2, 1 }

M.prelude = [[
local ffi, C, runtime, alias = ...
local t = {}
local cast, string, strnlen, find, sub = ffi.cast, ffi.string, C.strnlen, string.find, string.sub
local names, load_name = runtime.names, runtime.load_name
local i8, u8 = ffi.typeof("const int8_t *"), ffi.typeof("const uint8_t *")
local i16, u16 = ffi.typeof("const int16_t *"), ffi.typeof("const uint16_t *")
local i32, u32 = ffi.typeof("const int32_t *"), ffi.typeof("const uint32_t *")
local i64, u64 = ffi.typeof("const int64_t *"), ffi.typeof("const uint64_t *")
local f32, f64 = ffi.typeof("const float *"), ffi.typeof("const double *")
local chars = ffi.typeof("const char *")

local function text_of(p, size) return string(p, strnlen(p, size)) end

local function dynamic(d, offset, base)
  local word = cast(u32, d.payload + offset)[0]
  local at, size = bit.band(word, 0xffff) + base, bit.rshift(word, 16)
  if at + size > d.payload_size then at, size = 0, 0 end
  return text_of(cast(chars, d.payload + at), size)
end

-- What a test says of the thread's name, by the name's id.
local function by_name(test)
  local known = {}
  return function(id)
    local result = known[id]
    if result == nil then
      result = test(names[id] or load_name(id))
      known[id] = result
    end
    return result
  end
end
]]

local function number_type(size, is_signed)
  return (is_signed and "i" or "u") .. size * 8
end

local function load(base, offset, type_name)
  return ("cast(%s, %s + %d)[0]"):format(type_name, base, offset)
end

--- A constant of 8 bytes; the digits of its bits, so that none of them gets lost.
local function wide_constant(bits, is_signed)
  return ("0x%s%s"):format(bit.tohex(bits, 16), is_signed and "LL" or "ULL")
end

--- Source generation of one filter: what its nodes need beside constants.
---@class oc.filter.Writer
local Writer = {}
Writer.__index = Writer

--- A function of its own that says `test` of `s`; its name. In a table: a function's upvalues are
--- few.
function Writer:define(head, test, tail)
  self.lines[#self.lines + 1] = ("t[%d] = %s return %s end%s"):format(#self.lines + 1, head, test,
    tail or "")
  return ("t[%d]"):format(#self.lines)
end

--- The source of a field's value.
function Writer:value(node)
  if node.place == COMMON then return commons[node.index] end
  if node.place == ALIAS then
    self.aliases[node.index] = true
    return ("a%d(d)"):format(node.index)
  end
  if node.place == RECORD then return load("d.record", node.index, "u64") end
  local field = self.kind.fields[node.index + 1]
  if node.type == FLOAT then return load("d.payload", field.offset, "f" .. node.size * 8) end
  return load("d.payload", field.offset, number_type(node.size, node.is_signed ~= 0))
end

function Writer:number(node)
  local value, operator = self:value(node), operators[node.op]
  if node.type == BOOL then
    if node.place ~= ALIAS then value = value .. " ~= 0" end
    return node.bits == 1 and value or "not (" .. value .. ")"
  end
  if node.type == FLOAT then
    local test = ("%s %s %.17g"):format(value, operator, node.number)
    return node.negated ~= 0 and "not (" .. test .. ")" or test
  end
  if node.size == 8 then
    return ("%s %s %s"):format(value, operator, wide_constant(node.bits, node.is_signed ~= 0))
  end
  local constant = tonumber(node.is_signed ~= 0 and ffi.cast("int64_t", node.bits) or node.bits)
  return ("%s %s %d"):format(value, operator, constant)
end

--- The test that `size` bytes at `offset` are those of `text`, in pieces of at most 8.
local function bytes_equal(offset, text)
  local tests, at = {}, 0
  for _, piece in ipairs(PIECES) do
    while #text - at >= piece do
      local bytes = ffi.cast("const uint8_t *", text) + at
      local bits = ffi.cast(("const uint%d_t *"):format(piece * 8), bytes)[0]
      tests[#tests + 1] = ("%s == %s"):format(load("d.payload", offset + at, "u" .. piece * 8),
        piece == 8 and wide_constant(bits, false) or ("0x%x"):format(bits))
      at = at + piece
    end
  end
  return table.concat(tests, " and ")
end

--- Fixed text against a constant that it can hold.
local function fixed_text(node, field, text)
  if node.op == TEXT_EQUAL and #text < field.size then text = text .. "\0" end
  return bytes_equal(field.offset, text)
end

--- A test of the Lua string that `value` is the source of.
function Writer:string_test(node, value, text)
  local constant = ("%q"):format(text)
  if node.op == TEXT_EQUAL then return ("%s == %s"):format(value, constant) end
  if node.op == CONTAINS then return ("find(%s, %s, 1, true) ~= nil"):format(value, constant) end
  if node.op == STARTS_WITH then
    return ("sub(%s, 1, %d) == %s"):format(value, #text, constant)
  elseif node.op == ENDS_WITH then
    return ("sub(%s, -%d) == %s"):format(value, #text, constant)
  end
  local glob = self:define("function(s)",
    ("C.oc_glob_text(%s, %d, s, #s) ~= 0"):format(constant, #text))
  return ("%s(%s)"):format(glob, value)
end

--- The source of a field's text as a Lua string.
function Writer:text_value(node)
  if node.place ~= PAYLOAD then return self:value(node) end
  local field = self.kind.fields[node.index + 1]
  if field.kind == kinds.DYNAMIC_CHARS then
    return ("dynamic(d, %d, %d)"):format(field.offset, field.relative and field.offset + 4 or 0)
  end
  local limit = field.size == 0 and "d.payload_size - " .. field.offset or tostring(field.size)
  return ("text_of(cast(chars, d.payload + %d), %s)"):format(field.offset, limit)
end

function Writer:text(node)
  local text = ffi.string(node.text, node.text_size)
  local field = node.place == PAYLOAD and self.kind.fields[node.index + 1]
  local is_fixed = field and field.kind == kinds.CHARS and field.size > 0
  local test
  if node.place == COMMON and node.index == COMM then
    if node.op == TEXT_EQUAL then
      test = self:string_test(node, "(names[d.comm] or load_name(d.comm))", text)
    else
      local inner = self:string_test(node, "s", text)
      test = self:define("by_name(function(s)", inner, ")") .. "(d.comm)"
    end
  elseif is_fixed and (node.op == TEXT_EQUAL or node.op == STARTS_WITH) then
    test = fixed_text(node, field, text)
  else
    test = self:string_test(node, self:text_value(node), text)
  end
  return node.negated ~= 0 and "not (" .. test .. ")" or test
end

--- The source of the tree that begins at node `at`, and where the next begins.
function Writer:tree(at)
  local node = self.nodes[at]
  if node.op == TRUE or node.op == FALSE then return tostring(node.op == TRUE), at + 1 end
  if node.op ~= AND and node.op ~= OR then
    return node.type == TEXT and self:text(node) or self:number(node), at + 1
  end
  local parts = {}
  at = at + 1
  for i = 1, tonumber(node.count) do
    local part
    part, at = self:tree(at)
    parts[i] = "(" .. part .. ")"
  end
  return table.concat(parts, node.op == AND and "\n    and " or "\n    or "), at
end

--- The source of a filter's predicate.
---@param nodes ffi.cdata* oc_filter_node in prefix order
---@param kind oc.Kind
---@return string source, integer[] aliases that it calls, by index
function M.write(nodes, kind)
  local writer = setmetatable({ nodes = nodes, kind = kind, lines = {}, aliases = {} },
    Writer)
  local test = writer:tree(0)
  local head, aliases = {}, {}
  for index in pairs(writer.aliases) do
    aliases[#aliases + 1] = index
    head[#head + 1] = ("local a%d = alias[%d]"):format(index, index)
  end
  for _, line in ipairs(writer.lines) do head[#head + 1] = line end
  return M.prelude .. table.concat(head, "\n") .. "\nreturn function(d)\n  return " .. test
    .. "\nend", aliases
end

return M
