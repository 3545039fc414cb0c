#!/bin/sh
# Prints the path of promtool 2.40 or newer. When there is none it unpacks Debian's package into artifacts/tools: nothing is installed
# and no service is started.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
tools=$root/artifacts/tools

fits() { "$1" --version 2>&1 | grep -q 'version \([3-9]\|[1-9][0-9]\|2\.[4-9][0-9]\)'; }
refuse() {
    echo "promtool: $1." >&2
    echo "promtool: install Prometheus 2.40 or newer (https://prometheus.io/download, or: brew install prometheus), put promtool on the PATH, then run again." >&2
    exit 1
}

for found in "$(command -v promtool || true)" "$tools/promtool"; do
    if [ -n "$found" ] && [ -x "$found" ] && fits "$found"; then
        echo "$found"
        exit 0
    fi
done
for needed in apt-get dpkg; do
    command -v "$needed" >/dev/null || refuse "none is installed, and there is no $needed to bring one"
done

echo "promtool: unpacking Debian's prometheus into artifacts/tools" >&2
mkdir -p "$tools"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
download() { (cd "$work" && apt-get download -q prometheus) >"$work/log" 2>&1; }
if ! download; then
    [ "$(id -u)" -ne 0 ] || apt-get update -q >/dev/null 2>&1 || true
    download || {
        cat "$work/log" >&2
        refuse "apt-get download failed (above)"
    }
fi
dpkg -x "$work"/prometheus_*.deb "$work/unpacked"
fits "$work/unpacked/usr/bin/promtool" || refuse "Debian's is too old here"
mv "$work/unpacked/usr/bin/promtool" "$tools/promtool"
echo "$tools/promtool"
