# The first client's connect starts the daemon, and gets what it asks for; no daemon runs before.
# shellcheck shell=bash
set_up
systemctl start uakvd.socket
equal "the daemon before anybody asks" "$(property uakvd.service ActiveState)" inactive
equal "the socket's owner and mode" "$(stat -c '%U %G %a' /run/uakv/uakvd.sock)" "uakv uakv 660"
equal "the folder's owner and mode" "$(stat -c '%U %G %a' /run/uakv)" "uakv uakv 755"

client store first 20 65536
equal "the daemon" "$(property uakvd.service ActiveState)/$(property uakvd.service SubState)" active/running
client find first 20 65536

# A stopped daemon is started by the next one, too; what was in memory went with it.
systemctl stop uakvd.service
equal "the socket, the daemon stopped" "$(property uakvd.socket ActiveState)" active
equal "blocks after a stop" "$(client count first 20 65536)" 0

systemctl stop uakvd.socket uakvd.service
refused test -e /run/uakv/uakvd.sock
refused client connect
