--- The completion of fish.

local surface = require "oc.surface"

local HEAD = [=[
# fish completion of oc, made by `oc completion fish`. Load it with:
#     oc completion fish | source

function __oc_events
    oc list events 2>/dev/null
end
function __oc_scripts
    oc list scripts 2>/dev/null | string replace -r ' +' \t
end
function __oc_verb
    set -l words (commandline -opc)
    test (count $words) -gt 1; and test $words[2] = $argv[1]
end
function __oc_no_verb
    test (count (commandline -opc)) -eq 1
end

complete -c oc -n __oc_no_verb -s h -l help -d 'show the verbs'
]=]

local function quoted(text) return "'" .. text:gsub("[\\']", "\\%0") .. "'" end

local function option_line(verb, option)
  local parts = { "complete -c oc -n " .. quoted("__oc_verb " .. verb.name) }
  if option.short then parts[#parts + 1] = "-s " .. option.short end
  parts[#parts + 1] = "-l " .. option.name
  local value = surface.value_of(option)
  if value == "file" then
    parts[#parts + 1] = "-r -F"
  elseif value == "event" then
    parts[#parts + 1] = "-x -a '(__oc_events)'"
  elseif value == "choice" then
    parts[#parts + 1] = "-x -a " .. quoted(table.concat(option.choices, " "))
  elseif value ~= "flag" then
    parts[#parts + 1] = "-x"
  end
  parts[#parts + 1] = "-d " .. quoted(option.help)
  return table.concat(parts, " ") .. "\n"
end

local function word_lines(verb, names)
  local when = "complete -c oc -n " .. quoted("__oc_verb " .. verb.name)
  local out = {}
  if verb.completes == "script" then out[1] = when .. " -a '(__oc_scripts)'\n" end
  if verb.completes == "verb" then out[1] = when .. " -f -a " .. quoted(names) .. "\n" end
  if verb.completes == "event" then out[1] = when .. " -f -a '(__oc_events)'\n" end
  if verb.completes == "none" then out[1] = when .. " -f\n" end
  if verb.words then
    out[#out + 1] = when .. " -f -a " .. quoted(table.concat(verb.words, " ")) .. "\n"
  end
  return table.concat(out)
end

--- The text for `oc completion fish | source`.
return function()
  local names, out = {}, { HEAD }
  for i, verb in ipairs(surface.verbs()) do
    names[i] = verb.name
    out[#out + 1] = ("complete -c oc -n __oc_no_verb -a %s -d %s\n"):format(verb.name,
      quoted(verb.summary))
  end
  for _, verb in ipairs(surface.verbs()) do
    out[#out + 1] = "\n"
    out[#out + 1] = word_lines(verb, table.concat(names, " "))
    for _, option in ipairs(surface.options_of(verb.name)) do
      out[#out + 1] = option_line(verb, option)
    end
  end
  return table.concat(out)
end
