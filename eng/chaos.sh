#!/usr/bin/env bash
# Long runs that kill, stop, cut and race on real servers: eng/chaos.sh AREA. Their short forms are tests.
# Prints a line per phase: chaos AREA ok|FAILED PHASE: what came of it. Fails when a phase does.
set -euo pipefail
cd "$(dirname "$0")/.."
case "${1:-}" in
  idempotency) project=Topology.Idempotency.Chaos ;;
  *) echo "usage: chaos.sh idempotency" >&2; exit 2 ;;
esac
dotnet build "tests/$project" -c Release --nologo -v quiet >&2
exec "artifacts/bin/$project/release/$project"
