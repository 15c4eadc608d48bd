--- Reference: what only the REPL has. Commands are entries with their dot:
--- { ".events", "(glob?: string)", "…" }.

return { name = "repl", class = "oc.Repl", joint = "", title = "The REPL",
  text = "Commands of `oc repl`.", is_optional = true,
  { ".events", "(glob?: string)",
    "The events that the trace holds, or that can be asked for live." },
  { ".restart", "()",
    "Live: another trace, begun by the next question; a command (`-- CMD`) is run again." },
  { ".fields", "(event: string)", "The fields of an event: type and size in bytes." },
  { ".run", "(script: string, ...: string)",
    "Runs a stock script or a file on this trace, as `oc script` does: `.run cpu_top --top 5`." },
  { ".scripts", "()", "Oc's own scripts." },
  { ".export", "(path: string, force?: string)",
    "Writes the whole trace for another tool, its format by the end of the name; `--force` "
      .. "replaces a file." },
  { ".load", "(path: string)", "Runs a file of Lua in the session." },
  { ".save", "(path: string)",
    "Writes what was typed and went well as a script, which `oc script PATH` runs." },
  { ".time", "(wanted?: string)",
    "Whether each question is followed by how long it took: on, off." },
  { ".more", "()", "The next page of a text that was too long for the terminal." },
  { ".help", "(name?: string)",
    "What can be said at the prompt, or what there is to know of a name." },
  { ".quit", "()", "Ends the session; so do Ctrl-D, `quit` and `exit`." },
  { ".continue", "()", "Of a script that stopped at `oc.repl()`: it goes on; so does Ctrl-D." },
  { ".stop", "()", "Of a script that stopped at `oc.repl()`: the run ends there, and its end hooks "
    .. "are called; in the script's body, the script." },
  { ".where", "()", "Of a script that stopped at `oc.repl()`: the calls that led there." },
}
