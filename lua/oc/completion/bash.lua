--- The completion of bash.
--
-- bash splits words at ":" and "=": the function looks at the line itself, and cuts from events
-- what readline has already ("sched:").

local own_options = require "oc.options"
local surface = require "oc.surface"

local HEAD = [=[
# bash completion of oc, made by `oc completion bash`. Load it with:
#     source <(oc completion bash)

_oc_events() { "$oc" list events "$cur*" 2>/dev/null; }
_oc_scripts() { "$oc" list scripts 2>/dev/null | cut -d' ' -f1; }
# Options that a script declares itself, out of its help.
_oc_script_options() {
  "$oc" script "$1" --help 2>/dev/null |
    sed -n 's/^  \(-[a-zA-Z], \|    \)\(--[a-zA-Z0-9-]*\).*/\2/p'
}

_oc() {
  local oc=$1 line=${COMP_LINE:0:COMP_POINT} cur prev verb= script= word options= takes= wanted=
  local -a words=()
  cur=${line##*[[:space:]]}
  read -ra words <<<"${line%"$cur"}"
  prev=${words[${#words[@]}-1]}
  COMPREPLY=()
  for word in "${words[@]:1}"; do
    case $word in
      --) wanted=command; break ;;
      -*) ;;
      *) if [ -z "$verb" ]; then verb=$word; elif [ -z "$script" ]; then script=$word; fi ;;
    esac
  done
  if [ "$wanted" = command ]; then
    if [ "$prev" = -- ]; then
      mapfile -t COMPREPLY < <(compgen -c -- "$cur"; compgen -f -- "$cur")
    else
      mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    fi
    compopt -o filenames 2>/dev/null
    return
  fi
  if [[ $cur == --*=* ]]; then
    prev=${cur%%=*}
    cur=${cur#*=}
  fi
  case $prev in
]=]

local TAIL = [=[
  esac
  case $takes in
    value) return ;;
    file)
      mapfile -t COMPREPLY < <(compgen -f -- "$cur")
      compopt -o filenames 2>/dev/null
      return
      ;;
    event) mapfile -t COMPREPLY < <(_oc_events) ;;
    *) _oc_words ;;
  esac
  if [[ $cur == *:* && $COMP_WORDBREAKS == *:* ]]; then
    word=${cur%"${cur##*:}"}
    COMPREPLY=("${COMPREPLY[@]#"$word"}")
  fi
}

complete -F _oc oc
]=]

local function quoted(words) return "'" .. table.concat(words, " "):gsub("'", "'\\''") .. "'" end

--- What an option's value is: a pattern of its names, and how to complete it.
local function value_case(option)
  local pattern = table.concat(surface.names(option), "|")
  if option.kind == "choice" then
    return ("    %s) mapfile -t COMPREPLY < <(compgen -W %s -- \"$cur\"); return ;;\n"):format(
      pattern, quoted(option.choices))
  end
  return ("    %s) takes=%s ;;\n"):format(pattern, surface.value_of(option))
end

--- Words of a verb that are no options.
local function word_command(verb)
  if verb.completes == "script" then
    return 'if [ -z "$script" ]; then words=$(_oc_scripts); fi; wanted=file'
  elseif verb.completes == "verb" then
    return "words=$verbs"
  elseif verb.completes == "event" then
    local list = "words=" .. quoted(verb.words or {})
    return list .. '; if [ -n "$script" ] || [ -n "$cur" ]; then'
      .. ' words+=" $(_oc_events)"; fi'
  elseif verb.words then
    return 'if [ -z "$script" ]; then words=' .. quoted(verb.words) .. "; fi"
  end
  return verb.completes == "none" and ":" or "wanted=file"
end

local function option_names(verb)
  local names = {}
  for _, option in ipairs(surface.options_of(verb.name)) do
    for _, name in ipairs(surface.names(option)) do names[#names + 1] = name end
  end
  return names
end

--- `_oc_words`: options and words of each verb.
local function words_function()
  local out, names = {}, {}
  for i, verb in ipairs(surface.verbs()) do
    names[i] = verb.name
    out[#out + 1] = ("    %s)\n      options=%s\n      %s\n      ;;\n"):format(verb.name,
      quoted(option_names(verb)), word_command(verb))
  end
  return ([=[
_oc_words() {
  local words= wanted= verbs=%s
  case $verb in
    '') words=$verbs wanted=file options='--help --version' ;;
%s    *) wanted=file ;;
  esac
  if [[ $cur == -* ]]; then
    if [ "$verb" = script ] && [ -n "$script" ]; then
      options+=" $(_oc_script_options "$script")"
    fi
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur" | sort -u)
    return
  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
  if [ -n "$wanted" ]; then mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$cur"); fi
  if [ -n "$wanted" ]; then compopt -o filenames 2>/dev/null; fi
}

]=]):format(quoted(names), table.concat(out))
end

--- The text for `source <(oc completion bash)`.
return function()
  local cases = {}
  for _, option in ipairs(own_options) do
    if option.kind ~= "flag" then cases[#cases + 1] = value_case(option) end
  end
  local head, body = HEAD:match("^(.-\n)(_oc%(%) {.*)$")
  return head .. words_function() .. body .. table.concat(cases) .. TAIL
end
