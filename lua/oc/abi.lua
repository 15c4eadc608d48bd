--- The C face: declares the structs and functions of src/abi and returns the C namespace.
--
--     local C = require "oc.abi"
--     local t = C.oc_table_new(100)
--
-- The texts come from the same headers that the C++ side includes; the host embeds them as modules
-- named like the files. Each is declared once per state, in this order.

local ffi = require "ffi"

local headers = { "event/descriptor.h", "abi/addr.h", "abi/table.h", "abi/terminal.h",
  "abi/session.h", "abi/doctor.h", "abi/event_files.h", "abi/filter.h", "abi/live.h",
  "abi/process.h", "abi/privileges.h", "abi/record.h", "abi/feed.h", "abi/stack.h",
  "abi/jobs.h", "abi/symbols.h",
  "abi/modules.h", "abi/machine.h", "abi/query.h", "abi/export.h" }

for _, name in ipairs(headers) do
  ffi.cdef((require(name)))
end

---@type ffi.namespace*
return ffi.C
