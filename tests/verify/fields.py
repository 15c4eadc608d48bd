# Run by perf script -s: every field of every tracepoint sample, one JSON object a line.
import json


def plain(value):
    return value.hex() if isinstance(value, (bytes, bytearray)) else value


def trace_unhandled(event_name, context, fields, sample):
    shown = {name: plain(value) for name, value in fields.items()
             if not name.startswith(("common_s", "common_ns", "common_cpu", "common_comm", "common_callchain"))}
    print(json.dumps({"event": event_name, "fields": shown}))
