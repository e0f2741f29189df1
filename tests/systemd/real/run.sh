#!/usr/bin/env bash
# Runs the scenario inside, as root, and leaves its exit status for boot.sh.
set -uo pipefail
cd /
ldconfig # the installed library lies where the machine's own list does not know it
eval "set -- $(cat /uakv-test/arguments)"
bash -euEo pipefail -c 'source /uakv-test/library.sh; source /uakv-test/scenario.sh' scenario "$@"
echo $? >/uakv-test/out/status
