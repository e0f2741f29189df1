# As hot_load.sh, with more blocks than there is memory: what is pinned stays, what leaves is never wrong.
# shellcheck shell=bash
set_up
drop_in uakvd.service small <<<$'[Service]\nEnvironment=UAKV_MEMORY=64MiB'
systemctl start uakvd.service
uakv-test-load --unit uakvd.service --socket /run/uakv/uakvd.sock --rounds "$1" --blocks 200 --clients 8 --pressure \
    --end kill --end 'systemctl restart --no-block uakvd'
