#!/usr/bin/env bash
# What a newcomer does with the README's host: packs the packages into a local folder, makes a fresh web project outside the repository,
# pastes what the README shows, builds it against the packages and asks it whether it is ready. Its packages go to a folder of their own.
# usage: eng/readme-host.sh [--nats-nkeys]   with the NATS client's NATS.NKeys, where the feed has it
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 MSBUILDDISABLENODEREUSE=1
prune=yes
case "${1:-}" in
'') ;;
--nats-nkeys) prune= ;;
*)
    echo "usage: eng/readme-host.sh [--nats-nkeys]" >&2
    exit 2
    ;;
esac

root=$PWD
work=$(mktemp -d)
host=
finish() {
    [ -z "$host" ] || kill "$host" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

# The block of a language that stands under the mark of samples/Host.
block() { awk -v mark="<!-- code: samples/Host/$1 -->" '$0 == mark { found = 1; next } found && /^```/ { if (open) exit; open = 1; next } open' README.md; }
step() { echo "readme-host: $*"; }

step "packing src/"
feed=$work/feed
for project in src/*/*.csproj; do
    dotnet pack "$project" -c Release -v quiet -nologo -o "$feed"
done
ls "$feed"/*.nupkg | sed 's|.*/|readme-host: packed |'

step "a fresh web project"
export NUGET_PACKAGES=$work/packages
dotnet new web -o "$work/Shop" --no-restore >/dev/null
cd "$work/Shop"
# Beside the machine's own sources.
echo "<configuration><packageSources><add key=\"local\" value=\"$feed\" /></packageSources></configuration>" >nuget.config
if [ -n "$prune" ]; then
    # As this repository's own Directory.Build.props has it.
    {
        echo '<Project><ItemGroup>'
        grep '<PrunePackageReference Include="NATS.NKeys"' "$root/Directory.Build.props"
        echo '</ItemGroup></Project>'
    } >Directory.Build.props
fi

version=$(sed -n 's|.*<VersionPrefix>\(.*\)</VersionPrefix>.*|\1|p' "$root/Directory.Build.props")
(cd "$root" && sed -n '/<!-- install -->/,/^$/s/^dotnet add package //p' README.md) | while read -r package options; do
    [ "$package" != Topology.Resilience ] || options="--version $version"
    # shellcheck disable=SC2086 # options are words
    dotnet add package "$package" $options >/dev/null || { echo "readme-host: $package cannot be added" >&2; exit 1; }
done
(cd "$root" && block Program.cs) >Program.cs
(cd "$root" && block topology.yaml) >topology.yaml
[ -s Program.cs ] && [ -s topology.yaml ] || { echo "readme-host: the README shows no host" >&2; exit 1; }

step "building it"
dotnet build -c Release -v quiet -nologo -p:TreatWarningsAsErrors=true '-p:WarningsNotAsErrors=NU1603%3BNU1901%3BNU1902%3BNU1903%3BNU1904'

step "running it"
ASPNETCORE_URLS=http://127.0.0.1:0 dotnet bin/Release/net10.0/Shop.dll >"$work/log" 2>&1 &
host=$!
address=
for _ in $(seq 600); do
    address=$(sed -n 's/.*Now listening on: \(http:[^ ]*\).*/\1/p' "$work/log" | head -n 1)
    [ -n "$address" ] && break
    kill -0 "$host" 2>/dev/null || break
    sleep 0.1
done
fail() {
    echo "readme-host: $*" >&2
    cat "$work/log" >&2
    exit 1
}
[ -n "$address" ] || fail "it does not listen"

# The body of an answer whose status is as wanted; asked again until it is.
ask() {
    local wanted=$1 code=
    shift
    for _ in $(seq 300); do
        code=$(curl -s -o "$work/body" -w '%{http_code}' "$@" || true)
        [ "$code" = "$wanted" ] && cat "$work/body" && return
        sleep 0.1
    done
    fail "$* answered ${code:-nothing}, not $wanted"
}
order() { ask 202 -X POST "$address/orders" -H "Idempotency-Key: $1" -H 'Content-Type: application/json' -d "{\"id\":\"$1\",\"amount\":$2}"; }
ends() {
    for _ in $(seq 300); do
        [ "$(ask 200 "$address/orders/$1")" = "\"$2\"" ] && step "order $1 is $2" && return
        sleep 0.1
    done
    fail "order $1 does not become $2"
}
ask 200 "$address/health/ready" >/dev/null
step "ready: 200"
order book 12
order piano 4000
ends book Completed
ends piano Compensated
ask 200 "$address/metrics" | grep -q '^saga_compensations_total{' || fail "no saga_compensations_total in /metrics"
step "ok"
