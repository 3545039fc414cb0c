#!/usr/bin/env bash
# Starts the five services with a NATS and a Redis server on this machine, and prints their addresses: samples/Platform/run.sh [--demo]
#
# --demo plays a few runs through them, shows what a client sees, and ends; without it everything stays until Ctrl+C.
# Ports: PORT (8000), the four after it, and two for the servers. NATS_URL and REDIS name servers that run already.
# Exit codes: 0 fine, 1 something failed, 2 called wrongly or a server is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

demo=
case "${1:-}" in
'') ;;
--demo) demo=1 ;;
*)
    echo "usage: samples/Platform/run.sh [--demo]" >&2
    exit 2
    ;;
esac

first=${PORT:-8000}
directory=$(mktemp -d)
pids=()
finish() {
    code=$?
    trap - EXIT INT TERM
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
    rm -rf "$directory"
    exit "$code"
}
trap finish EXIT
trap 'exit 0' INT TERM

server() { # NAME COMMAND… : starts one in the background, with a log of its own
    local name=$1
    shift
    "$@" >"$directory/$name.log" 2>&1 &
    pids+=($!)
}
find_server() {
    PATH=$PATH:/usr/sbin:/usr/local/sbin command -v "$1" && return
    echo "$1 is not installed: run eng/servers.sh, or name a running one with NATS_URL and REDIS" >&2
    exit 2
}

for project in ApiGateway Orchestrator RouterService Realtime Ingestion Demo; do
    dotnet build "samples/Platform/$project" -c Release -v quiet -nologo
done

nats=${NATS_URL:-}
if [[ -z $nats ]]; then
    path=$(find_server nats-server)
    server nats "$path" --addr 127.0.0.1 --port $((first + 5)) --jetstream --store_dir "$directory/nats"
    nats=nats://127.0.0.1:$((first + 5))
fi
redis=${REDIS:-}
if [[ -z $redis ]]; then
    path=$(find_server redis-server)
    server redis "$path" --bind 127.0.0.1 --port $((first + 6)) --dir "$directory" --appendonly yes --save ''
    redis=127.0.0.1:$((first + 6))
fi

export DOTNET_ENVIRONMENT=Development ConnectionStrings__nats=$nats ConnectionStrings__redis=$redis
export Router__Address=http://127.0.0.1:$((first + 2)) ConnectionStrings__documents="Data Source=$directory/documents.db"
port=$first
for service in ApiGateway Realtime RouterService Orchestrator Ingestion; do
    ASPNETCORE_URLS=http://127.0.0.1:$port server "$service" "artifacts/bin/$service/release/$service"
    port=$((port + 1))
done

ready() { # PORT : whether the service says it is ready; /dev/tcp, so that nothing need be installed
    exec 3<>"/dev/tcp/127.0.0.1/$1" || return
    printf 'GET /health/ready HTTP/1.0\r\n\r\n' >&3
    local line
    IFS= read -r line <&3 || true
    exec 3>&- 3<&-
    [[ $line == *" 200 "* ]]
}
for ((port = first; port < first + 5; port++)); do
    for ((try = 0; ; try++)); do
        (ready "$port") 2>/dev/null && break
        if ((try == 300)) || ! kill -0 "${pids[@]}" 2>/dev/null; then
            tail -n 20 "$directory"/*.log >&2
            echo "the service on port $port did not become ready" >&2
            exit 1
        fi
        sleep 0.2
    done
done

cat <<TEXT
api-gateway     http://127.0.0.1:$first          POST /api/v1/runs, GET /api/v1/runs/{id}, POST /api/v1/documents
realtime        ws://127.0.0.1:$((first + 1))/ws         ?topic=run.{id}
router-service  http://127.0.0.1:$((first + 2))          POST /decide, GET /agents, PUT /sandbox/{customer}/{tool}/{refuse|fail|hold}
orchestrator    http://127.0.0.1:$((first + 3))          GET /ops/dead-letters/agent.run.dlq
ingestion       http://127.0.0.1:$((first + 4))          GET /documents/{id}
nats            $nats
redis           $redis
each service    /health/live, /health/ready, /health/startup, /metrics

TEXT

if [[ -n $demo ]]; then
    artifacts/bin/Demo/release/Demo "http://127.0.0.1:$first" "http://127.0.0.1:$((first + 1))" "http://127.0.0.1:$((first + 2))"
    exit
fi

echo "Ctrl+C ends it. Logs: $directory/*.log"
wait -n || { tail -n 20 "$directory"/*.log >&2; exit 1; }
