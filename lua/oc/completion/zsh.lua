--- The completion of zsh.

local surface = require "oc.surface"

local HEAD = [=[
#compdef oc
# zsh completion of oc, made by `oc completion zsh`: put it into a folder of $fpath as _oc, or:
#     source <(oc completion zsh)

_oc_events() {
  local -a events
  events=(${(f)"$(_call_program events oc list events 2>/dev/null)"})
  compadd -a events
}

_oc_scripts() {
  local -a scripts
  scripts=(${${(f)"$(_call_program scripts oc list scripts 2>/dev/null)"}%% *})
  compadd -a scripts
  _files -g '*.lua'
}

]=]

--- Within single quotes.
local function quoted(text) return (text:gsub("'", "'\\''")) end
--- In a specification of _arguments, where brackets and colons mean something.
local function plain(text) return quoted((text:gsub("[%[%]:\\]", "\\%0"))) end

local function action(option)
  local value = surface.value_of(option)
  if value == "file" then return "_files" end
  if value == "event" then return "_oc_events" end
  if value == "choice" then return "(" .. table.concat(option.choices, " ") .. ")" end
  return " "
end

local function specification(option)
  local value = ""
  if option.kind ~= "flag" then
    value = (":%s:%s"):format(plain(option.placeholder or option.kind:upper()), action(option))
  end
  local mark = option.kind == "flag" and "" or "="
  local text = ("[%s]%s"):format(plain(option.help), value)
  if not option.short then return ("'--%s%s%s'"):format(option.name, mark, text) end
  local plus = option.kind == "flag" and "" or "+"
  return ("'(-%s --%s)'{-%s%s,--%s%s}'%s'"):format(option.short, option.name, option.short, plus,
    option.name, mark, text)
end

local function words_of(verb, names)
  if verb.completes == "script" then return { "'1:script:_oc_scripts'", "'*:file:_files'" } end
  if verb.completes == "verb" then
    return { ("'1:verb:(%s)'"):format(table.concat(names, " ")) }
  end
  local out = {}
  if verb.words then out[1] = ("'1:what:(%s)'"):format(table.concat(verb.words, " ")) end
  if verb.completes == "event" then out[#out + 1] = "'*:event:_oc_events'" end
  if not verb.words and verb.completes ~= "none" then out[1] = "'*:file:_files'" end
  return out
end

--- The text of a file `_oc`.
return function()
  local names, described, cases = {}, {}, {}
  for i, verb in ipairs(surface.verbs()) do
    names[i] = verb.name
    described[i] = ("    '%s:%s'\n"):format(verb.name, quoted(verb.summary))
  end
  for _, verb in ipairs(surface.verbs()) do
    local parts = {}
    for _, option in ipairs(surface.options_of(verb.name)) do
      parts[#parts + 1] = specification(option)
    end
    for _, word in ipairs(words_of(verb, names)) do parts[#parts + 1] = word end
    cases[#cases + 1] = ("    %s) _arguments -S \\\n      %s ;;\n"):format(verb.name,
      table.concat(parts, " \\\n      "))
  end
  return HEAD .. ([=[
_oc() {
  local curcontext="$curcontext" state line
  local -a verbs
  verbs=(
%s  )
  _arguments -C '1: :->verb' '*:: :->rest'
  if [[ $state == verb ]]; then
    _describe -t verbs verb verbs
    _files
    return
  fi
  if (( ${words[(I)--]} )) && (( CURRENT > ${words[(I)--]} )); then
    shift ${words[(I)--]} words
    (( CURRENT = ${#words} ))
    _normal
    return
  fi
  case $words[1] in
%s    *) _files ;;
  esac
}

if [[ $funcstack[1] == _oc ]]; then _oc "$@"; else compdef _oc oc; fi
]=]):format(table.concat(described), table.concat(cases))
end
