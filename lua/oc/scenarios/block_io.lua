--- How long requests to block devices take, from the device's driver to completion.

return {
  name = "block_io", by = "attribute:name",
  summary = "how long block requests take, from issue to completion",
  events = { "block:block_rq_issue", "block:block_rq_complete" },
  span = {
    from = { event = "block:block_rq_issue", name = function(e) return e.rwbs end },
    to = "block:block_rq_complete", key = { "dev", "sector" },
  },
}
