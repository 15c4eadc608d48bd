--- Where the CPUs spend their time: the samples are the events themselves.

return {
  name = "cpu", summary = "where the CPUs spend their time, by stack", events = { "cpu" },
  stacks = "fp",
}
