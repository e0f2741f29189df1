#!/usr/bin/env bash
# The packages under systemd: packages.sh CLIENT PACKAGE..., CLIENT being uakv-test-client. Called by
# ./dev package --test.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
client=$1
shift
tree=$(mktemp -d "${TMPDIR:-/tmp}/uakv-no-tree-XXXXXX")
trap 'rm -rf "$tree"' EXIT
added=(--add "$client:/usr/bin/uakv-test-client")
for package; do
    added+=(--add "$package:/uakv-test/packages/${package##*/}")
done
"$here/boot.sh" --tree "$tree" --seconds 180 "${added[@]}" "$here/scenarios/packages.sh" $#
