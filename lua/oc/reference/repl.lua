--- Reference: what only the REPL has. Commands are entries with their dot:
--- { ".events", "(glob?: string)", "…" }.

return { name = "repl", class = "oc.Repl", joint = "", title = "The REPL",
  text = "Commands of `oc repl`.", is_optional = true }
