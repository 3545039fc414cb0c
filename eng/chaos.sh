#!/usr/bin/env bash
# Long runs that kill, stop, cut and race on real servers: eng/chaos.sh AREA [DIVISOR]. Their short forms are tests.
# idempotency prints a line per phase: chaos AREA ok|FAILED PHASE: what came of it; saga and dlq are the long forms of their tests,
# which print theirs among the runner's. saga repeats what a seed gave: TOPOLOGY_SEED=n. Fails when one does.
set -euo pipefail
cd "$(dirname "$0")/.."
case "${1:-}" in
  idempotency) project=Topology.Idempotency.Chaos arguments=() ;;
  saga) project=Topology.Saga.JetStream.Tests arguments=(--filter-class '*ChaosTests' --filter-class '*RecoveryTests' --xunit-diagnostics on --output Detailed); export TOPOLOGY_FULL=1 ;;
  dlq) project=Topology.Dlq.Tests arguments=(--filter-class '*.Chaos*' --xunit-diagnostics on --output Detailed); export TOPOLOGY_FULL=1 ;;
  *) echo "usage: chaos.sh idempotency|saga|dlq" >&2; exit 2 ;;
esac
dotnet build "tests/$project" -c Release --nologo -v quiet >&2
exec "artifacts/bin/$project/release/$project" "${@:2}" "${arguments[@]}"
