#!/usr/bin/env bash
# Installs the build, for boot.sh to lay over the root: what docs/operations.md has one do without a package.
# install.sh BUILD TREE
set -euo pipefail
tree=$2
rm -rf "$tree"
DESTDIR=$tree cmake --install "$1" --prefix /usr --strip >/dev/null
units=$tree/usr/share/uakv/systemd
mkdir -p "$tree/usr/lib/systemd/system" "$tree/etc/uakv"
cp "$units"/uakvd.service "$units"/uakvd.socket "$tree/usr/lib/systemd/system/"
cp -r "$units/user" "$tree/usr/lib/systemd/"
cp -r "$units/sysusers.d" "$units/tmpfiles.d" "$tree/usr/lib/"
cp "$units/uakvd.yaml" "$tree/etc/uakv/"
