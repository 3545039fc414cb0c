#!/usr/bin/env bash
# Builds the solution once and runs every test project, one after another. --full adds the tests that take long.
# The last line is "N passed, N failed", with ", N skipped" when any; the exit code follows.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1

limit=10m # for one test project: a hang ends as a failure
full=
case "${1:-}" in
'') ;;
--full) export TOPOLOGY_FULL=1 limit=60m full=yes ;;
*)
    echo "usage: ./test.sh [--full]" >&2
    exit 2
    ;;
esac

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 MSBUILDDISABLENODEREUSE=1
passed=0 failed=0 skipped=0

finish() {
    local line="$passed passed, $failed failed"
    [ "$skipped" -eq 0 ] || line="$line, $skipped skipped"
    echo "$line"
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ] && exit 0
    exit 1
}

eng/servers.sh || { failed=1 && finish; }

started=$SECONDS
# Quiet prints warnings and errors, those of the restore (NU1603, NU1901 to NU1904) with them.
dotnet build MultiAgent.Topology.sln -c Release -v quiet -nologo -p:UseSharedCompilation=false || { failed=1 && finish; }
echo "build: $((SECONDS - started)) s"

output=$(mktemp)
trap 'rm -f "$output"' EXIT
trap 'exit 130' INT TERM
count() { sed -n "s/^  $1: \([0-9]*\)$/\1/p" "$output" | tail -n 1; }

# The projects of the solution, not whatever an earlier build left in artifacts/.
for project in $(grep -o '"tests[^"]*\.Tests\.csproj"' MultiAgent.Topology.sln | sed 's/.*[\\/]\(.*\)\.csproj"/\1/' | sort); do
    started=$SECONDS
    "artifacts/bin/$project/release/$project" --progress off --no-ansi --timeout "$limit" >"$output" 2>&1
    code=$?
    total=$(count total) good=$(count succeeded) bad=$(count failed) left=$(count skipped)
    if [ "$code" -ne 0 ] || [ "${bad:-1}" -ne 0 ]; then
        cat "$output"
    fi
    note=
    if [ "${total:-0}" -eq 0 ]; then
        note=" (ran no test, exit code $code)" bad=1
    elif [ "$code" -ne 0 ] && [ "${bad:-0}" -eq 0 ]; then
        note=" (exit code $code)" bad=1
    fi
    passed=$((passed + ${good:-0})) failed=$((failed + ${bad:-0})) skipped=$((skipped + ${left:-0}))
    echo "$project: ${good:-0} passed, ${bad:-0} failed, ${left:-0} skipped, $((SECONDS - started)) s$note"
done

if [ -n "$full" ]; then
    started=$SECONDS good=0 bad=0
    if eng/readme-host.sh >"$output" 2>&1; then good=1; else bad=1 && cat "$output"; fi
    passed=$((passed + good)) failed=$((failed + bad))
    echo "eng/readme-host.sh: $good passed, $bad failed, 0 skipped, $((SECONDS - started)) s"
fi
finish
