-- Parts of a trace's time, as --time and oc.open take them.

local check = require "check"
local ffi = require "ffi"
local time_window = require "oc.time_window"

local names = { [0] = "open", "beginning", "end", "clock", "percent" }

local function shown(window, err)
  if not window then return err end
  local function one(bound)
    return names[bound.of] .. " " .. tostring(ffi.cast("uint64_t", bound.value)):gsub("ULL", "")
  end
  return one(window.from) .. ", " .. one(window.to)
end

local function parsed(text) return shown(time_window.parse(text)) end

check.equal(parsed "1.5s,3s", "beginning 1500000000, beginning 3000000000")
check.equal(parsed " 500ms , 1m30s ", "beginning 500000000, beginning 90000000000")
check.equal(parsed "1.5s,", "beginning 1500000000, open 0")
check.equal(parsed ",3s", "open 0, beginning 3000000000")
check.equal(parsed "-1s,", "end 1000000000, open 0")
check.equal(parsed "-2s,-1s", "end 2000000000, end 1000000000")
check.equal(parsed "12345.678901,12346", "clock 12345678901000, clock 12346000000000")
check.equal(parsed "9007199.254740993,", "clock 9007199254740993, open 0")  -- beyond 2^53
check.equal(parsed "18446744073.1,", "clock 18446744073100000000, open 0")
check.equal(parsed "10%,20%", "percent 10000000, percent 20000000")
check.equal(parsed "10%-20.5%", "percent 10000000, percent 20500000")
check.equal(parsed "10%/2", "percent 10000000, percent 20000000")
check.equal(parsed "1s,12345.5", "beginning 1000000000, clock 12345500000000")

for _, text in ipairs { "", "1s", "1s,2s,3s", "x,1s", "1s,x", "-5,", "1.2.3,", "101%,",
  "0%/1", "99999999999,", "1.0123456789,", "1s,-", "--1s,", "%,", ",1e3" } do
  local window, err = time_window.parse(text)
  check.equal(window, nil)
  check(err:find("FROM,TO", 1, true), text .. ": " .. tostring(err))
end
check.equal(parsed "10%/11", "'10%/11': there are 10 slices of 10%, from 10%/1 to 10%/10")
check.equal(parsed "10%/0", "'10%/0': there are 10 slices of 10%, from 10%/1 to 10%/10")
check.equal(parsed "60%/2", "'60%/2': there is one slice of 60%, from 60%/1 to 60%/1")
check.equal(parsed "150%/1", "'150%/1' is more than the whole trace")
check.equal(parsed "33.3%/3", "percent 66600000, percent 99900000")
check.equal(parsed "3s,1s", "'3s,1s' ends before it begins")
check.equal(parsed "5,4.5", "'5,4.5' ends before it begins")
check.equal(parsed "-1s,-2s", "'-1s,-2s' ends before it begins")
check(parsed(","):find("has no bound", 1, true), parsed ",")

check.equal(shown(time_window.read { "1s", "3s" }), "beginning 1000000000, beginning 3000000000")
check.equal(shown(time_window.read { "1s" }), "beginning 1000000000, open 0")
check.equal(shown(time_window.read { nil, 5 }), "open 0, beginning 5")
check.equal(shown(time_window.read { 1e9, 2 ^ 40 }),
  "beginning 1000000000, beginning 1099511627776")
check.equal(shown(time_window.read "-1s,"), "end 1000000000, open 0")
check(shown(time_window.read {}):find("has no bound", 1, true))
