--- Filters of events: checked by the C face, pushed into the kernel as far as that can say them,
--- and always applied here too, as generated Lua.
--
--     trace:on("raw_syscalls:sys_enter", { filter = "id == 0 && comm == 'nginx'" }, fn)
--
-- The kernel's part is never narrower than the filter: what it lets through is tested again, so
-- the result is the same whatever it took. Several callbacks on an event: the kernel lets through
-- what any of them wants.

local C = require "oc.abi"
local errors = require "oc.errors"
local ffi = require "ffi"
local filter_source = require "oc.filter_source"
local settings = require "oc.settings"
local source = require "oc.view_source"
local view = require "oc.view"

local M = {}

local NOT_FOUND = 1
local FALSE, TRUE = 0, 1

--- As oc_filter_node.type.
local types = { integer = 0, bool = 2, text = 3 }

---@class oc.Filter
---@field text string as it was written
---@field test? fun(d: ffi.cdata*): boolean nil: every event passes
---@field is_never boolean no event passes
---@field kernel string what the kernel can be asked for; "" for nothing
---@field rest string the first part that is then still to be tested; "" when there is none

--- The fields that the kind's canonical event adds, for the C face; what they are read by.
local function aliases_of(kind)
  local names = {}
  for name in pairs(kind.aliases or {}) do
    if kind.alias_types and kind.alias_types[name] then names[#names + 1] = name end
  end
  table.sort(names)
  local raw, kept = ffi.new("oc_filter_alias[?]", math.max(1, #names)), {}
  for i, name in ipairs(names) do
    local about = kind.alias_types[name]
    kept[i] = { name = name, field = about.field or "" }
    raw[i - 1].name, raw[i - 1].payload_field = kept[i].name, kept[i].field
    raw[i - 1].type = types[about.type]
  end
  return raw, #names, kept
end

local function compile(session, kind, runtime, raw, count, aliases)
  local text, used = filter_source.write(raw, kind)
  local accessors = {}
  for _, index in ipairs(used) do
    local alias = source.prelude .. kind.aliases[aliases[index + 1].name]
    accessors[index] = assert(loadstring(alias, errors.own_chunk("filter")))(ffi, C, kind, runtime)
  end
  local chunk = assert(loadstring(text, errors.own_chunk("filter:" .. kind.name)))
  local is_known = count == 1 and raw[0].op <= TRUE
  return {
    test = not is_known and chunk(ffi, C, runtime, accessors) or nil,
    is_never = is_known and raw[0].op == FALSE,
    kernel = ffi.string(C.oc_session_kernel_filter(session)),
    rest = ffi.string(C.oc_session_kernel_filter_rest(session)),
  }
end

--- A filter for one kind of event; nil with the error when it does not fit: `err.is_missing` when
--- the event lacks a field that it names.
---@param kind oc.Kind
---@param text string
---@param runtime oc.view.Runtime
---@return oc.Filter? filter, table? err
function M.make(session, kind, text, runtime)
  local aliases, alias_count, names = aliases_of(kind)
  local count = ffi.new("uint32_t[1]")
  local nodes = C.oc_session_check_filter(session, kind.number, text, aliases, alias_count, count)
  if nodes == nil then
    local failure = C.oc_session_error(session)
    return nil, { message = ffi.string(failure.what), is_missing = failure.code == NOT_FOUND }
  end
  local filter = compile(session, kind, runtime, nodes, count[0], names)
  filter.text = text
  return filter
end

local function raise(err, of_run, hint)
  if not of_run then errors.misuse(err.message, { hint = hint }) end
  errors.wrong_usage((err.message:gsub("^filter", "--filter")), hint)
end

--- The filter of one kind: the callback's and the run's. nil and which of them does not fit, by a
--- missing field or, where there are other kinds, for any reason; false where no event passes.
local function filter_of(session, kind, wanted, runtime, has_others)
  local parts = {}
  for _, part in ipairs { { text = wanted.text }, { text = wanted.of_run, of_run = true } } do
    if part.text then
      local filter, err = M.make(session, kind, part.text, runtime)
      if err and not err.is_missing and not has_others then raise(err, part.of_run) end
      if err then return nil, { err = err, of_run = part.of_run } end
      parts[#parts + 1] = filter
    end
  end
  local filter = parts[1]
  if parts[2] then
    filter = M.make(session, kind, ("(%s) && (%s)"):format(wanted.text, wanted.of_run), runtime)
  end
  if filter.is_never then return false end
  return filter
end

---@class oc.filter.Wanted
---@field text? string the callback's filter
---@field of_run? string the command line's
---@field name string what was asked for

--- Those of `found` whose events can pass, with their filters. An event without a field that a
--- filter names cannot; where that leaves none of a callback's own filter, that is an error.
---@param found oc.Kind[]
---@param wanted oc.filter.Wanted
---@return { kind: oc.Kind, filter: oc.Filter? }[] chosen, oc.Kind[] left_out by the run's filter
---@return table? err why the first of these was
function M.choose(session, found, wanted, runtime)
  local chosen, left_out, misses, missing, missing_in_run = {}, {}, 0, nil, nil
  for _, kind in ipairs(found) do
    local filter, problem
    if wanted.text or wanted.of_run then
      filter, problem = filter_of(session, kind, wanted, runtime, #found > 1)
    end
    if problem and problem.of_run then
      left_out[#left_out + 1], missing_in_run = kind, missing_in_run or problem.err
    elseif problem then
      misses, missing = misses + 1, missing or problem.err
    elseif filter ~= false then
      chosen[#chosen + 1] = { kind = kind, filter = filter }
    end
  end
  if misses > 0 and misses == #found then
    local is_glob = missing.is_missing and #found > 1
    raise(missing, false, is_glob and ("none of the %d events of '%s' has it"):format(#found,
      wanted.name) or nil)
  end
  return chosen, left_out, missing_in_run
end

--- The kinds of a callback whose events can pass its filter and the run's; the latter is not about
--- what a script emits itself.
---@param trace oc.Trace
---@param found oc.Kind[]
---@param name string
---@param text? string
---@return { kind: oc.Kind, filter: oc.Filter? }[]
function M.bind(trace, found, name, text)
  local is_emitted = found[1] and found[1].proxy
  local of_run = not is_emitted and settings.run.filter or nil
  local wanted = { text = text, of_run = of_run, name = name }
  local chosen, left_out, err = M.choose(trace._session, found, wanted, trace._runtime)
  for _, kind in ipairs(left_out) do trace._left_out[#trace._left_out + 1] = kind end
  trace._misfit, trace._fits = trace._misfit or err, trace._fits + #found - #left_out
  return chosen
end

--- Called when a run starts: events that the run's filter left out are told; when that is all, the
--- filter is wrong.
---@param fits integer how many kinds it fits
---@param left_out oc.Kind[]
---@param err? table
function M.check_run(fits, left_out, err)
  if #left_out == 0 or settings.quiet and fits > 0 then return end
  if fits == 0 then raise(err, true) end
  local names = {}
  for i, kind in ipairs(left_out) do names[i] = kind.name end
  io.stderr:write("oc: --filter leaves out all events without the fields that it names: ",
    table.concat(names, ", "), "\n")
end

--- For a recording: asks the kernel to let through only what `text` does, which it must be able to
--- do alone. Those of `found` whose events can pass.
---@param found oc.Kind[]
---@param text string
---@return oc.Kind[]
function M.record(session, found, text)
  local runtime = view.runtime(session)
  local chosen, left_out, err = M.choose(session, found, { of_run = text, name = "" }, runtime)
  M.check_run(#found - #left_out, left_out, err)
  local wanted = {}
  for i, choice in ipairs(chosen) do
    local kind, filter = choice.kind, choice.filter
    if filter.test and filter.rest ~= "" then
      local rest = #filter.rest > 60 and filter.rest:sub(1, 60) .. "…" or filter.rest
      errors.wrong_usage(
        ("--filter: '%s' cannot be filtered while recording '%s'"):format(rest, kind.name),
        "record without it, and filter when reading: oc script -i FILE cpu_top --filter EXPR")
    end
    C.oc_session_set_kernel_filter(session, kind.number, filter.kernel)
    wanted[i] = kind
  end
  if #wanted == 0 then errors.wrong_usage("--filter lets no event through") end
  return wanted
end

--- What the kernel can be asked to let through for these callbacks; "" for everything.
---@param calls oc.Call[]
---@return string
function M.kernel_text(calls)
  local texts, seen = {}, {}
  for _, call in ipairs(calls) do
    local text = call.filter and call.filter.kernel or ""
    -- This callback wants everything, or what the kernel cannot say.
    if text == "" then return "" end
    if not seen[text] then texts[#texts + 1] = text end
    seen[text] = true
  end
  return table.concat(texts, " || ")
end

--- Tells the session what the kernel shall let through, by what the callbacks of each kind want.
---@param handlers oc.Handler[]
function M.push(session, handlers)
  for _, handler in ipairs(handlers) do
    C.oc_session_set_kernel_filter(session, handler.number, M.kernel_text(handler.calls))
  end
end

--- Says which events of a live run are filtered, and what of that the kernel took over.
---@param handlers oc.Handler[]
function M.describe(session, handlers)
  for _, handler in ipairs(handlers) do
    local filtered = {}
    for _, call in ipairs(handler.calls) do
      if call.filter then filtered[#filtered + 1] = call.filter.text end
    end
    if #filtered > 0 then
      local taken = ffi.string(C.oc_session_kernel_filter_taken(session, handler.number))
      io.stderr:write(("oc: %s: filter %s; in the kernel: %s\n"):format(handler.name,
        table.concat(filtered, ", "), taken == "" and "nothing" or taken))
    end
  end
end

return M
