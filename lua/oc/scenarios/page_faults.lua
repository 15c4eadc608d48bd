--- Which code touches memory for the first time: the samples are the faults themselves.

return {
  name = "page_faults", summary = "which code touches new memory, by stack",
  events = { "page_fault" }, stacks = "fp",
}
