#!/bin/sh
# Makes sure that nats-server and redis-server are installed: the tests start their own processes of them. With apt-get it installs what
# is missing; no service is started, and nothing that already runs is touched.
set -eu
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

missing=
for server in nats-server redis-server; do
    if found=$(command -v "$server"); then
        echo "servers: $found ($("$server" --version | head -n 1))"
    else
        missing="$missing $server"
    fi
done
[ -n "$missing" ] || exit 0
missing=${missing# }

refuse() {
    echo "servers: missing $missing: $1." >&2
    echo "servers: install, for example with: ${2:-sudo apt-get install -y $missing}" >&2
    exit 1
}

command -v apt-get >/dev/null || refuse "there is no apt-get here" "brew install nats-server redis (macOS), or from https://nats.io/download and https://redis.io/downloads"
root=
if [ "$(id -u)" -ne 0 ]; then
    sudo -n true 2>/dev/null || refuse "only root may install it"
    root=sudo
fi

# A package's service starts when it is installed unless this file says no. It stays only as long as the installation.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | $root tee "$policy" >/dev/null
    $root chmod +x "$policy"
    trap '$root rm -f "$policy"' EXIT
    trap 'exit 130' INT TERM
fi

echo "servers: installing $missing with apt-get"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
# shellcheck disable=SC2086 # the list is words
if ! { $root apt-get update -q && $root apt-get install -q -y --no-install-recommends $missing; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    rm -f "$log"
    refuse "apt-get failed (above)"
fi
rm -f "$log"

# Where policy-rc.d is not asked, the redis that was just installed would still start at the next boot and hold port 6379.
case " $missing " in
*" redis-server "*) ! command -v systemctl >/dev/null || $root systemctl disable redis-server >/dev/null 2>&1 || true ;;
esac
for server in $missing; do
    command -v "$server" >/dev/null || refuse "apt-get did not bring it"
    echo "servers: installed $server ($("$server" --version | head -n 1))"
done
