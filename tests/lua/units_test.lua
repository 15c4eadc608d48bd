-- Units, both ways.

local check = require "check"
local units = require "oc.units"

for text, ns in pairs {
  ["10s"] = 10e9, ["1.5ms"] = 1.5e6, ["2m"] = 120e9, ["100us"] = 1e5, ["3"] = 3e9, ["1m30s"] = 90e9,
  ["1h 5m"] = 3900e9, ["0"] = 0, [".5s"] = 5e8, ["7ns"] = 7, ["2µs"] = 2000, ["1d"] = 86400e9,
} do check.equal(units.parse_duration(text), ns) end
check.equal(units.parse_duration("5", "ms"), 5e6)
check.equal(units.parse_duration(0.25), 250000000)
for _, bad in ipairs {
  "", "s", "-1s", "1x", "1.2.3s", "1s2", "ten", "1e3s", "1S", ".", "1s;", "99999999999d",
} do
  local value, err = units.parse_duration(bad)
  check.equal(value, nil)
  check(err and err:find("1.5ms", 1, true), bad)
end
for _, huge in ipairs { "99999999999999999999", "9999999999d", 1e300, 0 / 0, math.huge } do
  check.equal((units.parse_duration(huge)), nil)
end
check.equal((units.parse_duration({})), nil)

for text, bytes in pairs {
  ["8MiB"] = 8 * 2 ^ 20, ["1K"] = 1024, ["1KB"] = 1000, ["64"] = 64, ["64B"] = 64,
  ["1.5g"] = 1.5 * 2 ^ 30,
  ["2 mib"] = 2 ^ 21, ["1TB"] = 1e12,
} do check.equal(units.parse_size(text), bytes) end
check.equal((units.parse_size("8XB")), nil)
check.equal((units.parse_size("-8")), nil)
check(select(2, units.parse_size("x")):find("MiB"))

check.equal(units.parse_percent("1%"), 1)
check.equal(units.parse_percent("99.5"), 99.5)
check.equal((units.parse_percent("101%")), nil)
check.equal(units.parse_count("10k"), 10000)
check.equal(units.parse_count("-2"), -2)
check.equal(units.parse_count("1.5M"), 1.5e6)
check.equal(units.parse_count("1e3"), 1000)
check.equal(units.parse_count("0x10"), 16)
check.equal((units.parse_count("ten")), nil)
check.equal((units.parse_count("")), nil)

for ns, text in pairs {
  [0] = "0ns", [999] = "999ns", [1000] = "1.00us", [999999] = "1.00ms", [1234567] = "1.23ms",
  [12345678] = "12.3ms", [123456789] = "123ms", [1e9] = "1.00s", [59.96e9] = "60.0s",
  [100e9] = "1m40s", [3600e9] = "1h00m", [3661e9] = "1h01m", [-1500] = "-1.50us", [0.5] = "0.50ns",
  [999.7] = "1.00us",
} do check.equal(units.format_duration(ns), text) end
check.equal(units.format_duration(0 / 0):find("nan") ~= nil, true)
for bytes, text in pairs {
  [0] = "0B", [1023] = "1023B", [1024] = "1.0KiB", [4 * 2 ^ 20] = "4.0MiB", [2 ^ 20 - 1] = "1.0MiB",
  [-2048] = "-2.0KiB", [2 ^ 40] = "1.0TiB",
} do check.equal(units.format_size(bytes), text) end
check.equal(units.write_duration(1e9), "1s")
check.equal(units.write_duration(1.5e6), "1.5ms")
check.equal(units.write_duration(100000), "100us")
check.equal(units.write_duration(0), "0s")
check.equal(units.write_size(8388608), "8MiB")
check.equal(units.write_size(1000), "1000B")
check.equal(units.format_number(-0), "0")
check.equal(units.format_number(1e14), "100000000000000")
check.equal(units.format_number(2.5), "2.5")
check.equal(units.formatter("parsec"), nil)
