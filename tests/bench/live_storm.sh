#!/bin/bash
# A storm of system calls, live: what oc and perf record see of it, lose of it, and cost it.
#   live_storm.sh [--seconds 5] [--rounds 3] [--json FILE]        (root; ./dev build first)
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
for tool in perf dd; do
  command -v $tool >/dev/null || { echo "live_storm: no $tool here" >&2; exit 1; }
done
exec /usr/bin/python3 -B "$here/live_storm.py" "$(cd "$here/../.." && pwd)" "$@"
