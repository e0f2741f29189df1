# The configuration file that is installed: as it stands it changes nothing, and each line of it may be used.
# shellcheck shell=bash
set_up
file=/etc/uakv/uakvd.yaml
test -f "$file" || fail "$file is not installed"
equal "its owner and mode" "$(stat -c '%U %G %a' "$file")" "root root 644"
settings() { env -i PATH="$PATH" uakvd "$@" --print-config | sed 's/ *#.*//'; }
equal "the settings with it" "$(settings --config "$file")" "$(settings --config /dev/null)"
as uakv uakvd --check-config --socket /run/uakv/uakvd.sock

systemctl start uakvd.service
client store plain 4 65536
log_has 'error' && fail "the daemon complains"
for preset in /usr/share/uakv/presets/*.yaml; do
    uakvd --config "$preset" --memory 64MiB --check-config >/dev/null || fail "$preset is no good configuration"
done

# With a disk, in the folder that the unit allows: what a restart finds there, after a clean stop.
configure <<'YAML'
memory: 64MiB
enable_persistence: true
disk_size: 256MiB
disk_free: 0
YAML
systemctl stop uakvd.service
systemctl start uakvd.service
client store durable 8 65536
systemctl stop uakvd.service
equal "how it ended" "$(property uakvd.service Result)" success
systemctl start uakvd.service
client find durable 8 65536

# Another folder needs a drop-in, as the unit says; without it the daemon says what is wrong and does not start.
echo 'persistence_path: /srv/kv' >>"$file"
install -d -o uakv -g uakv /srv/kv
refused systemctl restart uakvd.service
log_has /srv/kv || fail "the log does not name the folder"
systemctl stop uakvd.service
drop_in uakvd.service folder <<'UNIT'
[Service]
ReadWritePaths=/srv/kv
UNIT
systemctl start uakvd.service
client store elsewhere 4 65536
