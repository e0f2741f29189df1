# Four clients read, hold and store while the daemon is ended again and again:
#
#   hot_load.sh MEMORY BLOCKS BYTES ROUNDS BETWEEN HOW...     (see load.cc)
#
# Three starts in a row without a healthy time between start cold. A healthy time is a second, or a clean end: so
# where nobody waits that long, kills take turns with restarts.
# shellcheck shell=bash
memory=$1 blocks=$2 bytes=$3 rounds=$4 between=$5
shift 5
set_up
configure <<YAML
memory: $memory
tenants:
  - {name: default, groups: [uakv], pinned_memory: 90%}
YAML
drop_in uakvd.service small <<<'' # what the configuration says counts
systemctl start uakvd.service
ends=()
for how; do
    ends+=(--end "$how")
done
uakv-test-load --unit uakvd.service --socket /run/uakv/uakvd.sock --blocks "$blocks" --bytes "$bytes" \
    --rounds "$rounds" --between "$between" "${ends[@]}"
journalctl -q -o cat -u uakvd.service | grep -i ' ms' | tail -n 2 || true
property uakvd.service StatusText
