# An upgrade under load: another build takes over what the one before it has, and back again.
# shellcheck shell=bash
set_up
cp /usr/bin/uakvd /uakv-test/uakvd-now
systemctl start uakvd.service
swap() { printf 'install /uakv-test/%s /usr/bin/uakvd.new && mv /usr/bin/uakvd.new /usr/bin/uakvd' "$1"; }
uakv-test-load --unit uakvd.service --socket /run/uakv/uakvd.sock --rounds 2 \
    --end "$(swap uakvd-newer) && systemctl restart --no-block uakvd" \
    --end "$(swap uakvd-now) && systemctl restart --no-block uakvd" \
    --end "$(swap uakvd-newer) && systemctl kill -s KILL uakvd"
journalctl --sync
served=$(journalctl -q -o cat -u uakvd.service | grep -o 'uakvd [^ ]* serves' | sort -u)
equal "versions that served" "$(wc -l <<<"$served")" 2
