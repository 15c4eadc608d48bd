-- Addresses: equality, order, text, keys of plain tables.

local check = require "check"
local addr = require "oc.addr"

local kernel, user = addr "0xffffffff81000000", addr(0x401000)
check.equal(tostring(kernel), "0xffffffff81000000")
check.equal(tostring(user), "0x401000")
check.equal(tostring(addr(0)), "0x0")
check.equal(tostring(addr(-1)), "0xffffffffffffffff")
check.equal(tostring(addr(-1LL)), "0xffffffffffffffff")
check.equal(tostring(addr(0x1ULL)), "0x1")
check.equal("at " .. user .. "!", "at 0x401000!")
check(kernel == addr "0xFFFFFFFF81000000")
check(kernel ~= user)
check(user < kernel and user <= user and kernel > user)
check(user == 0x401000 and user ~= 5)
check(user ~= nil and user ~= "0x401000")
check.equal(kernel - addr "0xffffffff80fffff0", 16)
check.equal(addr "0x0" - addr "0x10", -16)
check.equal(tostring(kernel + 16), "0xffffffff81000010")
check.equal(tostring(kernel - 16), "0xffffffff80fffff0")
check.equal(user:number(), 0x401000)
local odd = addr "0xfffffffffffffabc"
check.equal({ odd % 4096, odd % 4096ULL, odd % addr(4096), odd % 1, user % 4096 },
  { 0xabc, 0xabc, 0xabc, 0, 0 })
check.equal(odd % 1000, 268)  -- of 18446744073709550268
check.equal(tostring(odd - odd % 4096), "0xfffffffffffff000")
for _, wrong in ipairs { 0, -4096, 0.5, 0 / 0, 0ULL } do
  check.error("addr_test.lua:%d+: an address cannot be divided by", function()
    return odd % wrong
  end)
end
check.error("cannot be divided", function() return odd % "x" end)
check.error("cannot be compared", function() return user < "x" end)
check.error("addr_test.lua:%d+: \"zz\" is not an address", function() local _ = addr "zz" end)
check.error("not an address", function() return addr "0x11112222333344445" end)
check.error("nil is not an address", function() return addr(nil) end)

local seen = {}
seen[addr.key(kernel)] = true
check(seen[addr.key(addr "0xffffffff81000000")])
check(not seen[addr.key(kernel + 1)])
check(addr(addr.key(kernel)) == kernel)
check.equal(addr.key(user), 0x401000)
check.equal(type(addr.key(addr "0x8000000000000000")), "string")
check(addr(addr.key(addr "0x8000000000000001")) == addr "0x8000000000000001")
check.equal(addr.key(5ULL), 5)
check.equal(addr.key(18446744073709551615ULL), "18446744073709551615")
check.equal(addr.key(-5LL), -5)
check.equal(addr.key(-9223372036854775807LL), "-9223372036854775807")
check.equal(addr.key("x"), "x")
check.equal(addr.key(nil), nil)
check(addr.is(kernel) and not addr.is(5) and not addr.is(5ULL))
