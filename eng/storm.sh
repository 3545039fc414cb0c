#!/usr/bin/env bash
# Draws docs/images/retry-storm.svg and prints the table beside it in docs/retry.md. The simulation is deterministic.
set -euo pipefail
cd "$(dirname "$0")/.."
dotnet build benchmarks/Topology.Benchmarks -c Release --nologo -v quiet >&2
exec artifacts/bin/Topology.Benchmarks/release/Topology.Benchmarks storm docs/images/retry-storm.svg
