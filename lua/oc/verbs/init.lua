local M = {}
function M.run(verb, argv)
  local settings = require "oc.settings"
  settings.run = { input = argv[2] }
  settings.errors = require("oc.errors").Collector.new({ max = 20 })
  settings.read_source = function(c) local f = io.open((c:gsub("^@", ""))) return f and f:read("*a") end
  settings.finished = function() end
  local chunk = assert(loadfile(argv[1]))
  jit.off(chunk)
  local ok, err = xpcall(chunk, function(e) return type(e) == "string" and debug.traceback(e) or e end)
  if not ok then io.stderr:write(require("oc.errors").render(err, settings.read_source), tostring(err.traceback)) return 1 end
  return 0
end
return M
