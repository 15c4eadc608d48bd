-- Fields of every kind, read from bytes made here.

local check = require "check"
local ffi = require "ffi"
local kinds = require "oc.kinds"
local session = require "oc.session"
local view = require "oc.view"

local runtime = view.runtime(session.new())
runtime.names[7] = "painter"

local function field(name, kind, offset, size, more)
  local f = { name = name, type = "?", kind = kind, offset = offset, size = size,
    element_size = size, count = 0, signed = false, relative = false, hex = false, common = false }
  for key, value in pairs(more or {}) do f[key] = value end
  return f
end

local function kind_of(fields, more)
  local kind = { number = 20, name = "test:event", sample = true, type = 2, config = 1,
    places = {}, parts = {}, fields = fields, by_name = {} }
  for _, f in ipairs(fields) do kind.by_name[f.name] = f end
  for key, value in pairs(more or {}) do kind[key] = value end
  return kind
end

--- A record: 8 bytes of header, then `head` bytes, then the payload.
local function event(payload, head)
  local size = 8 + #(head or "") + #payload
  local bytes = ffi.new("uint8_t[?]", size)
  ffi.copy(bytes + 8, (head or "") .. payload, size - 8)
  ffi.cast("uint16_t *", bytes + 6)[0] = size
  local d = ffi.new("oc_event")
  d.record, d.payload = bytes, bytes + 8 + #(head or "")
  d.payload_size, d.time, d.pid, d.tid, d.cpu, d.comm = #payload, 1500, 10, 11, 2, 7
  return d, bytes
end

local alive = {}
local function see(kind, payload, head)
  local d, bytes = event(payload, head)
  local e = view.new(kind, runtime)
  e._d = d
  alive[#alive + 1] = { d, bytes }
  return e, d
end

-- Integers of all widths and signs; 64 bits exactly.
local ff = ("\255"):rep(8)
local numbers = {}
for i, size in ipairs { 1, 2, 4, 8 } do
  numbers[2 * i - 1] = field("u" .. size, kinds.INTEGER, 0, size)
  numbers[2 * i] = field("s" .. size, kinds.INTEGER, 0, size, { signed = true })
end
local e = see(kind_of(numbers), ff)
check.equal({ e.u1, e.u2, e.u4, e.u8 }, { 255, 65535, 2 ^ 32 - 1, 2 ^ 64 })
check.equal({ e.s1, e.s2, e.s4, e.s8 }, { -1, -1, -1, -1 })
check(e:u64 "u8" == 0xffffffffffffffffULL, "all 64 bits")
check(e:u64 "s4" == 0xffffffffffffffffULL, "the sign is kept")
check(e:u64 "u4" == 0xffffffffULL)
check.equal(type(e.u8), "number")

-- An argument of a system call: the kernel calls it 8 unsigned bytes, its type says more.
e = see(kind_of {
  field("dfd", kinds.INTEGER, 0, 8, { type = "int" }),
  field("count", kinds.INTEGER, 0, 8, { type = "size_t" }),
  field("offset", kinds.INTEGER, 0, 8, { type = "off_t" }),
  field("real", kinds.INTEGER, 0, 8, { type = "unsigned int" }),
}, "\156\255\255\255\0\0\0\0")
local low = 2 ^ 32 - 100
check.equal({ e.dfd, e.count, e.offset, e.real }, { -100, low, low, low })
check(e:u64 "dfd" == 0xffffff9cULL, "u64 is what the kernel wrote")
e = see(kind_of { field("offset", kinds.INTEGER, 0, 8, { type = "off_t" }) }, ff)
check.equal(e.offset, -1)

-- Bool, float, address.
local function bytes_of(c_type, value)
  return ffi.string(ffi.new(c_type .. "[1]", value), ffi.sizeof(c_type))
end
e = see(kind_of {
  field("yes", kinds.BOOL, 0, 1), field("no", kinds.BOOL, 1, 1),
  field("half", kinds.FLOAT, 4, 4), field("third", kinds.FLOAT, 8, 8),
  field("where", kinds.POINTER, 16, 8, { hex = true }),
  field("hash", kinds.INTEGER, 16, 4, { hex = true, signed = true }),
}, "\2\0\0\0" .. bytes_of("float", 0.5) .. bytes_of("double", 1 / 3)
  .. "\240\255\255\255\255\255\255\255")
check.equal({ e.yes, e.no, e.half, e.third }, { true, false, 0.5, 1 / 3 })
check.equal(tostring(e.where), "0xfffffffffffffff0")
check.equal(tostring(e.hash), "0xfffffff0")
check.equal(e:get "no", false)
check(e:get "maybe" == nil, "get of what is not there is nil")
check(e:u64 "yes" == 2ULL)
check.error("'half' is not an integer", function() return e:u64 "half" end)

-- Text, bytes and arrays, fixed and to the payload's end.
e = see(kind_of {
  field("name", kinds.CHARS, 0, 4), field("full", kinds.CHARS, 4, 4),
  field("opaque", kinds.BYTES, 2, 4), field("words", kinds.ARRAY, 0, 8,
    { element_size = 2, count = 4 }),
  field("rest", kinds.CHARS, 8, 0), field("tail", kinds.BYTES, 8, 0),
  field("numbers", kinds.ARRAY, 8, 0, { element_size = 2, signed = true }),
}, "ab\0cdefg" .. "hi\255\255\0")
check.equal({ e.name, e.full, e.opaque }, { "ab", "defg" == e.full and "defg" or e.full, "\0cde" })
check.equal(e.full, "defg")
check.equal(e.words, { 0x6261, 0x6300, 0x6564, 0x6766 })
check.equal({ e.rest, e.tail }, { "hi\255\255", "hi\255\255\0" })
check.equal(e.numbers, { 0x6968, -1 })
local p, length = e:raw "full"
check.equal(ffi.string(p, length), "defg")
p, length = e:raw "rest"
check.equal(ffi.string(p, length), "hi\255\255\0")
p, length = e:raw()
check.equal(ffi.string(p, length), "ab\0cdefg" .. "hi\255\255\0")
check.error("'name' is not an integer", function() return e:u64 "name" end)

-- Dynamic data: (length << 16) | place.
local function dynamic(payload)
  return see(kind_of {
    field("text", kinds.DYNAMIC_CHARS, 0, 4, { element_size = 1 }),
    field("list", kinds.DYNAMIC_ARRAY, 0, 4, { element_size = 2 }),
    field("blob", kinds.DYNAMIC_BYTES, 0, 4, { element_size = 1 }),
    field("near", kinds.DYNAMIC_CHARS, 0, 4, { element_size = 1, relative = true }),
  }, payload)
end
e = dynamic "\4\0\5\0hey\0z"
check.equal({ e.args.text, e.blob, e.list }, { "hey", "hey\0z", { 0x6568, 0x0079 } })
check.equal({ e:get "text", e:get "raw" == nil, type(e.text) }, { "hey", true, "function" })
check.equal(e.near, "")  -- 4 bytes behind the word and 5 long: beyond the end
e = dynamic "\1\0\3\0?hey"
check.equal(e.near, "hey")
for _, bad in ipairs { "\4\0\255\255hey", "\255\255\1\0hey", "\255\255\255\255" } do
  e = dynamic(bad)
  check.equal({ e.args.text, e.blob, e.list, e.near }, { "", "", {}, "" })
  check.equal(select(2, e:raw "text"), 0)
end

-- Names: common ones hide the payload's; those of samples yield to it.
local hiding = kind_of({
  field("pid", kinds.INTEGER, 0, 4), field("id", kinds.INTEGER, 4, 4),
  field("period", kinds.INTEGER, 0, 4), field("args", kinds.INTEGER, 4, 4),
}, { places = { id = 8, ip = 16 } })
e = see(hiding, "\1\0\0\0\2\0\0\0", ("\9\0\0\0\0\0\0\0"):rep(2))
check.equal({ e.pid, e.args.pid, e.id, e.args.id, e.args.args }, { 10, 1, 2, 2, 2 })
check.equal({ e.time, e.cpu, e.tid, e.comm, e.event }, { 1500, 2, 11, "painter", "test:event" })
check(e:u64 "id" == 2ULL, "u64 reads the field that the name means")
check(e:u64 "ip" == 9ULL)
check.equal(tostring(e.ip), "0x9")
check.error("samples of 'test:event' do not have 'period'.*e%.args%.period",
  function() return e.period end)
check.error("has no field 'idd'.*did you mean 'id'", function() return e.idd end)
check.error("has no field 'pidd'.*did you mean 'pid'", function() return e.args.pidd end)
check.error("has no field 'time'", function() return e.args.time end)
check.error("e%.stack needs stacks.*add them: oc%.open { stacks = \"fp\" }",
  function() return e.stack end)
check.error("e%.symbol needs symbols.*oc%.open { symbols = true }", function() return e.symbol end)
check.error("do not have 'weight'.*did not ask", function() return e.weight end)
check.error("do not have 'callchain'", function() return e.callchain end)
check.error("do not have 'addr'\nrecord the addresses: oc record %-%-data %-e test:event",
  function() return e.addr end)
check.error("read only: 'pid' cannot be set", function() e.pid = 1 end)
check.error("read only: 'pid' cannot be set", function() e.args.pid = 1 end)
check.error("has no field '1'", function() return e[1] end)
check.equal({ e:get "pid", e:get "id", e:get "none" == nil, e:get "period" == nil },
  { 10, 2, true, true })
check(tostring(e):find("^0%.000001500 painter/11 %[002%] test:event"), tostring(e))
runtime.names[7] = "\27[2J\n"
check(tostring(e):find("^0%.000001500 \\x1b%[2J\\x0a/11 %[002%] test:event"), tostring(e))
runtime.names[7] = "painter"

-- Fields that a canonical event adds.
local switch = kind_of({ field("next_pid", kinds.INTEGER, 0, 4) },
  { aliases = { next_tid = "return function(d) return d.tid + 1 end" } })
e = see(switch, "\1\0\0\0")
check.equal({ e.next_tid, e.next_pid }, { 12, 1 })
check.equal(e:get "next_tid", 12)

-- A reference to a field.
check.equal(view.field_reference(switch, "next_pid")(e), 1)
check.equal(view.field_reference(switch, "comm")(e), "painter")
check.error("did you mean 'next_pid'", view.field_reference, switch, "next_pidd")
check.error("wants the name", view.field_reference, switch, nil)

-- A copy owns its bytes.
local copy, args
do
  local first, d = see(hiding, "\1\0\0\0\2\0\0\0", ("\9\0\0\0\0\0\0\0"):rep(2))
  copy = first:copy()
  args = first:copy().args
  ffi.fill(ffi.cast("uint8_t *", d.record), 32)
  d.pid, d.comm = 99, 8
end
alive = {}
for _ = 1, 50 do
  collectgarbage()
  ffi.new("uint8_t[?]", 64)
end
check.equal({ copy.pid, copy.id, copy.comm, copy.args.pid, args.id }, { 10, 2, "painter", 1, 2 })
check.equal(tostring(copy:copy().ip), "0x9")
local other = copy:copy()
check(other.args ~= copy.args and other.args.pid == 1, "each copy has args of its own")
