#!/usr/bin/env bash
# Runs the long form of the tests that kill servers and processes: eng/chaos.sh dlq
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

case "${1:-}" in
dlq) project=Topology.Dlq.Tests filter='*ChaosTests' ;;
*)
    echo "usage: eng/chaos.sh dlq" >&2
    exit 2
    ;;
esac

eng/servers.sh
dotnet build "tests/$project" -c Release -v quiet -nologo
TOPOLOGY_FULL=1 "artifacts/bin/$project/release/$project" --filter-class "$filter"
