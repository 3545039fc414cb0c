#!/bin/sh
# eng/manifests.sh FILE.yaml…: checks manifests against the TypeScript types of the Kubernetes API and of the operators' resources. It
# sees what a lenient reader lets pass: unknown fields, and numbers where a string belongs. The types go into artifacts/tools.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
tools=$root/artifacts/tools/manifests
[ $# -gt 0 ] || {
    echo "usage: manifests.sh FILE.yaml..." >&2
    exit 2
}
for needed in node npm; do
    command -v "$needed" >/dev/null || {
        echo "manifests: $needed is missing; install Node.js 20 or newer (https://nodejs.org), then run again." >&2
        exit 1
    }
done
mkdir -p "$tools"
if ! cmp -s "$root/eng/manifests/package-lock.json" "$tools/installed.json"; then
    echo "manifests: installing the types into artifacts/tools" >&2
    cp "$root/eng/manifests/package.json" "$root/eng/manifests/package-lock.json" "$tools/"
    (cd "$tools" && npm ci --silent --no-audit --no-fund --ignore-scripts >&2)
    cp "$tools/package-lock.json" "$tools/installed.json"
fi
cp "$root/eng/manifests/check.mjs" "$tools/"
exec node "$tools/check.mjs" "$@"
