#!/usr/bin/env bash
# Benchmarks of one package or of all: eng/bench.sh AREA|all [--quick]
#
# Prints a line per figure: bench AREA.CASE RATIO goal <=BOUND ok|short, where RATIO is ours divided by the rival's in the same run.
# --quick shows in seconds that every case runs and keeps its allocation bounds; its times are rough. A full run also writes
# benchmarks/results/AREA.md. Fails when a case cannot run or a bound on allocation breaks, never on a time.
set -euo pipefail
cd "$(dirname "$0")/.."
project=benchmarks/Topology.Benchmarks
dotnet build "$project" -c Release --nologo -v quiet >&2
results=(--results benchmarks/results)
for argument in "$@"; do
  [[ $argument == --quick ]] && results=()
done
exec artifacts/bin/Topology.Benchmarks/release/Topology.Benchmarks "$@" "${results[@]}"
