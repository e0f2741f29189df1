// Broken configuration files, each with the message that it must give, word for word: "F" stands for the path.
#include "configuration.h"

#include <algorithm>
#include <span>

namespace uakv::test {
namespace {

struct Broken {
    const char *text;
    const char *message;
};

void check_all(std::span<const Broken> table) {
    const ConfigFile file("");
    for (const Broken &row : table) {
        file.write(row.text);
        std::string message = refusal_of({"--socket", "/s", "--config", file.path()});
        for (std::size_t at = 0; (at = message.find(file.path(), at)) != std::string::npos; ++at) {
            message.replace(at, file.path().size(), "F");
        }
        CHECK_MESSAGE(message == row.message,
                      std::string("of\n") + row.text + "\nexpected: " + row.message + "\n     got: " + message);
    }
}

constexpr Broken of_yaml[] = {
    {"memory 8GiB\n", "F:1: a word alone; expected keys with their values, such as memory: 8GiB"},
    {"- memory: 8GiB\n", "F:1: a list; expected keys with their values, such as memory: 8GiB"},
    {"\n\nmemory: 1GiB: 2GiB\n", "F:3: this is not YAML (illegal map value, at column 13); is a colon, a quote or an "
                                 "indentation missing?"},
    {"tenants: [a, b\nmemory: 1GiB\n",
     "F:2: this is not YAML (end of sequence flow not found, at column 7); is a colon, a quote or "
     "an indentation missing?"},
    {"memory: 1GiB\n---\nmemory: 2GiB\n",
     "F:2: what begins here is no part of what stands before it; is it indented wrongly, or \"---\"?"},
    {" memory: 1GiB\nlog_level: info\n",
     "F:2: what begins here is no part of what stands before it; is it indented wrongly, or \"---\"?"},
    {"memory: &much 1GiB\n", "F:1: an anchor (&) is not understood here; remove it"},
    {"log_level: info\nmemory: !size 1GiB\n", "F:2: the tag !size is not understood here; remove it"},
    {"memory: 1GiB\nlog_level: \x01\n", "F:2: a byte that no text has (0x01); is the file damaged, or the wrong one?"},
    {"[a, b]: 1GiB\n", "F:1: a key that is no word; expected lines such as memory: 8GiB"},
};

constexpr Broken of_keys[] = {
    {"memory: 1GiB\ngc_treshold: 0.9\n", "F:2: gc_treshold: unknown key; did you mean gc_threshold?"},
    {"maxMemoryMB: 100\n", "F:1: maxMemoryMB: unknown key; did you mean max_memory_mb?"},
    {"Memory: 1GiB\n", "F:1: Memory: unknown key; did you mean memory?"},
    {"colour: red\n", "F:1: colour: unknown key; uakvd --print-config shows the known ones"},
    {"users: [root]\n", "F:1: users: it is a key of a tenant; write it below one, in the list tenants"},
    {"log_level: info\n\nlog_level: warn\n", "F:3: log_level: F:1 has it already; keep one of the two"},
    {"memory:\n", "F:1: memory: no value; expected a size such as 8GiB, 512MiB or 20%; give one or remove the line"},
    {"memory: [1GiB]\n", "F:1: memory: a list; expected a size such as 8GiB, 512MiB or 20%"},
    {"log_level:\n  is: info\n", "F:1: log_level: keys with values; expected error, warn, info, debug or trace"},
};

constexpr Broken of_values[] = {
    {"memory: 8GB\n", "F:1: memory: \"8GB\" is not a size (its unit is none of B, KiB, MiB, GiB, TiB, %); write it "
                      "like 8GiB, 512MiB, 1.5GiB or 20%"},
    {"memory: 101%\n", "F:1: memory: \"101%\" is not a size (it is more than 100%); write it like 8GiB, 512MiB, 1.5GiB "
                       "or 20%"},
    {"memory: 1MiB\n", "F:1: memory: \"1MiB\" is 1 MiB; expected 16 MiB to 1 TiB"},
    {"max_memory_mb: 8GiB\n", "F:1: max_memory_mb: \"8GiB\" is not a whole number; write it in digits, like 1000"},
    {"max_memory_mb: 12\n", "F:1: max_memory_mb: \"12\" is 12 MiB; expected 16 MiB to 1 TiB"},
    {"max_memory_mb: 99999999\n", "F:1: max_memory_mb: \"99999999\" is out of range; expected 1 to 1048576"},
    {"max_tokens: 1000000\n", "F:1: max_tokens: it needs to know how large a token is; add bytes_per_token, such as "
                              "128KiB, or give memory instead"},
    {"bytes_per_token: 128KiB\n", "F:1: bytes_per_token: it says something only together with max_tokens; add that, or "
                                  "remove this"},
    {"max_tokens: 1000\nbytes_per_token: 0\n", "F:2: bytes_per_token: \"0\" is 0 bytes; expected what one token takes, "
                                               "such as 128KiB"},
    {"max_tokens: 1000\nbytes_per_token: 1KiB\n", "F:1: max_tokens: \"1000\" is 1000 KiB; expected 16 MiB to 1 TiB"},
    {"log_level: loud\n", "F:1: log_level: \"loud\" is no log level; expected error, warn, info, debug or trace"},
    {"socket: \"\"\n", "F:1: socket: the path \"\" has 0 bytes; expected 1 to 107"},
    {"admin_group: no-such-group\n",
     "F:1: admin_group: there is no group \"no-such-group\" on this machine; correct the "
     "name, create the group, or give a number"},
    {"single_flight: 10\n", "F:1: single_flight: \"10\" is not a duration (it has no unit); write it like 10s, 500ms, "
                            "2min or 1h"},
    {"single_flight: 10 seconds\n", "F:1: single_flight: \"10 seconds\" is not a duration (its unit is none of ms, s, "
                                    "min, h); write it like 10s, 500ms, 2min or 1h"},
    {"single_flight: 0s\n", "F:1: single_flight: \"0s\" is out of range; expected 1ms to 1h"},
    {"enable_gc: maybe\n", "F:1: enable_gc: \"maybe\"; expected true or false"},
    {"gc_threshold: 0.4\n", "F:1: gc_threshold: \"0.4\" is out of range; expected 0.5 to 1"},
    {"gc_threshold: 98\n", "F:1: gc_threshold: \"98\" is more than the whole; write it like 0.95 or 95%"},
    {"gc_threshold: high\n", "F:1: gc_threshold: \"high\" is not a share; write it like 0.95 or 95%"},
};

constexpr Broken of_this_version[] = {
    {"cache_strategy: lfu\n", "F:1: cache_strategy: this version has no lfu yet; only lru can be chosen"},
    {"cache_strategy: adaptive\n", "F:1: cache_strategy: this version has no adaptive yet; only lru can be chosen"},
    {"cache_strategy: best\n", "F:1: cache_strategy: \"best\" is no strategy; expected lru"},
    {"enable_prefetch: on\n", "F:1: enable_prefetch: this version has no prefetching; expected false, or remove it"},
    {"prefetch_size: 16\n", "F:1: prefetch_size: this version has no prefetching; remove it"},
};

#define UAKV_ON "enable_persistence: true\npersistence_path: /tmp\n"

constexpr Broken of_disk[] = {
    {"enable_persistence: perhaps\ndisk_size: 1GiB\n", "F:1: enable_persistence: \"perhaps\"; expected true or false"},
    {"enable_persistence: true\npersistence_path: kv\n",
     "F:2: persistence_path: \"kv\" depends on where uakvd is started; expected the absolute path of a directory"},
    {"enable_persistence: true\npersistence_path: \"\"\n",
     "F:2: persistence_path: the path \"\" has 0 bytes; expected 1 to 1023"},
    {"enable_persistence: true\npersistence_path: /dev/null/kv\n",
     "F:2: persistence_path: cannot look at /dev/null/kv: Not a directory (errno 20)"},
    {"enable_persistence: true\npersistence_path: /dev/null\n",
     "F:2: persistence_path: /dev/null is not a directory; expected one, or a path where one can be made"},
    {UAKV_ON "use_compression: lz4\n", "F:3: use_compression: \"lz4\"; expected true or false"},
    {UAKV_ON "disk_size: 200GB\n",
     "F:3: disk_size: \"200GB\" is not a size (its unit is none of B, KiB, MiB, GiB, TiB, %); write it like 8GiB, "
     "512MiB, 1.5GiB or 20%"},
    {UAKV_ON "disk_size: 15MiB\n", "F:3: disk_size: \"15MiB\" is 15 MiB; expected 16 MiB to 1024 TiB"},
    {UAKV_ON "disk_size: 0%\n", "F:3: disk_size: \"0%\" is 0 bytes; expected 16 MiB to 1024 TiB"},
    {UAKV_ON "disk_size: 1025TiB\n", "F:3: disk_size: \"1025TiB\" is 1025 TiB; expected 16 MiB to 1024 TiB"},
    {UAKV_ON "disk_free: some\n",
     "F:3: disk_free: \"some\" is not a size (it does not begin with a number); write it like 8GiB, 512MiB, 1.5GiB or "
     "20%"},
    {UAKV_ON "disk_write_rate: 200\n", "F:3: disk_write_rate: \"200\" is 200 bytes; expected at least 1 MiB, or 0 for "
                                       "no limit; is a unit missing?"},
    {UAKV_ON "disk_write_per_day: 20%\n",
     "F:3: disk_write_per_day: \"20%\" is a part of nothing; expected a size such as 200MiB, or 0"},
    {UAKV_ON "disk_admit: some\n", "F:3: disk_admit: \"some\"; expected all or reused"},
    {UAKV_ON "disk_file_size: 200MiB\n",
     "F:3: disk_file_size: \"200MiB\" is 200 MiB; expected a power of two, 1 MiB to 4 GiB"},
    {UAKV_ON "disk_file_size: 512KiB\n",
     "F:3: disk_file_size: \"512KiB\" is 512 KiB; expected a power of two, 1 MiB to 4 GiB"},
    {UAKV_ON "disk_file_size: 8GiB\n",
     "F:3: disk_file_size: \"8GiB\" is 8 GiB; expected a power of two, 1 MiB to 4 GiB"},
    {UAKV_ON "disk_size: 1GiB\ndisk_file_size: 512MiB\n",
     "F:4: disk_file_size: tenant \"default\" has 1 GiB of disk, room for fewer than 8 files of 512 MiB; expected at "
     "most 128 MiB, or give it more"},
    {UAKV_ON "disk_checkpoint: 60\n", "F:3: disk_checkpoint: \"60\" is not a duration (it has no unit); write it like "
                                      "10s, 500ms, 2min or 1h"},
    {UAKV_ON "disk_checkpoint: 10ms\n", "F:3: disk_checkpoint: \"10ms\" is out of range; expected 1s to 24h"},
    {UAKV_ON "warm_blocks: -1\n", "F:3: warm_blocks: \"-1\" is not a whole number; write it in digits, like 1000"},
    {UAKV_ON "stop_timeout: 2h\n", "F:3: stop_timeout: \"2h\" is out of range; expected 0ms to 1h"},
    {"num_workers: 0\n", "F:1: num_workers: \"0\" is out of range; expected 1 to 64"},
    {"num_workers: 65\n", "F:1: num_workers: \"65\" is out of range; expected 1 to 64"},
};

#define UAKV_ALONE(key)                                                                                                \
    "F:1: " key ": it says something only together with enable_persistence: true; add that, or remove this"

// A key of the disk where there is none.
constexpr Broken of_no_disk[] = {
    {"use_compression: true\n", UAKV_ALONE("use_compression")},
    {"persistence_path: /var/lib/kv\n", UAKV_ALONE("persistence_path")},
    {"disk_size: 1GiB\n", UAKV_ALONE("disk_size")},
    {"disk_free: 1GiB\n", UAKV_ALONE("disk_free")},
    {"disk_write_rate: 0\n", UAKV_ALONE("disk_write_rate")},
    {"disk_write_per_day: 1TiB\n", UAKV_ALONE("disk_write_per_day")},
    {"disk_admit: all\n", UAKV_ALONE("disk_admit")},
    {"disk_file_size: 64MiB\n", UAKV_ALONE("disk_file_size")},
    {"disk_checkpoint: 1min\n", UAKV_ALONE("disk_checkpoint")},
    {"warm_blocks: 3\n", UAKV_ALONE("warm_blocks")},
    {"stop_timeout: 0\n", UAKV_ALONE("stop_timeout")},
    {"tenants:\n  - {name: a, users: [0], disk: 50%}\n",
     "F:2: tenant a: disk: it says something only together with enable_persistence: true; add that, or remove this"},
};

constexpr Broken of_shares_of_disk[] = {
    {UAKV_ON "disk_size: 64MiB\ntenants:\n  - {name: a, users: [0], disk: 8MiB}\n",
     "F:5: tenant a: disk: \"8MiB\" is 8 MiB; a tenant needs at least 16 MiB"},
    {UAKV_ON "disk_size: 64MiB\ntenants:\n  - {name: a, users: [0], disk: 48MiB}\n  - {name: b, users: [0], disk: "
             "32MiB}\n",
     "F:4: tenants: the disk of the tenants adds up to 80 MiB, but disk_size is 64 MiB; give them less, or raise "
     "disk_size"},
    {UAKV_ON "disk_size: 64MiB\ntenants:\n  - {name: a, users: [0], disk: 75%}\n  - {name: b, users: [0]}\n  - {name: "
             "c, users: [0], disk: 16MiB}\n",
     "F:6: tenant b: 0 bytes are left for its disk, and a tenant needs at least 16 MiB; give the others less, or raise "
     "disk_size"},
    {UAKV_ON "disk_size: 64MiB\ndisk_file_size: 8MiB\ntenants:\n  - {name: a, users: [0], disk: 48MiB}\n  - {name: b, "
             "users: [0]}\n",
     "F:4: disk_file_size: tenant \"b\" has 16 MiB of disk, room for fewer than 8 files of 8 MiB; expected at most 2 "
     "MiB, or give it more"},
};

constexpr Broken of_gpus[] = {
    {"gpu_memory: 101%\n",
     "F:1: gpu_memory: \"101%\" is not a size (it is more than 100%); write it like 8GiB, 512MiB, "
     "1.5GiB or 20%"},
    {"gpu_memory: 1MiB\n", "F:1: gpu_memory: \"1MiB\"; expected at least 16 MiB, at most 100%, or 0"},
    {"gpu_devices: []\n",
     "F:1: gpu_devices: \"\" names no GPU; expected all, or a list of ordinals or UUIDs such as [0, "
     "GPU-5a3c...]; gpu_memory: 0 is for none"},
    {"gpu_devices: [0, nvidia0]\n",
     "F:1: gpu_devices: \"nvidia0\" names no GPU; expected all, or a list of ordinals or "
     "UUIDs such as [0, GPU-5a3c...]; gpu_memory: 0 is for none"},
    {"gpu_segment: 3MiB\n", "F:1: gpu_segment: \"3MiB\" is 3 MiB; expected a power of two, 2 MiB to 1 GiB"},
    {"gpu_segment: 2GiB\n", "F:1: gpu_segment: \"2GiB\" is 2 GiB; expected a power of two, 2 MiB to 1 GiB"},
    {"gpu_required: perhaps\n", "F:1: gpu_required: \"perhaps\"; expected true or false"},
    {"gpu_driver: \"\"\n", "F:1: gpu_driver: \"\"; expected the path or name of a library"},
    {"gpu_memory: 0\ngpu_required: true\n",
     "gpu_memory: gpu_required is true, and gpu_memory is 0, which is no GPU tier at all; change one of the two"},
    {"tenants:\n  - {name: a, users: [0], gpu_memory: 60%}\n  - {name: b, users: [0], gpu_memory: 60%}\n",
     "gpu_memory: gpu_memory of the tenants adds up to more than 100%; give them less"},
    {"gpu_memory: 64MiB\ntenants:\n  - {name: a, users: [0], gpu_memory: 65MiB}\n",
     "gpu_memory: gpu_memory of the tenants adds up to 65 MiB, but that of the daemon is 64MiB; give them less, or "
     "raise "
     "it"},
    {"tenants:\n  - {name: gpu.a, users: [0]}\n", "F:2: tenant number 1: name: \"gpu.a\" cannot be a name; expected 1 "
                                                  "to 63 of the characters A-Z a-z 0-9 . _ -, not "
                                                  "beginning with gpu."},
};

constexpr Broken of_combinations[] = {
    {"memory: 1GiB\nlog_level: info\nmax_memory_mb: 1024\n",
     "F:3: max_memory_mb: memory (F:1) says how much memory, too; keep one of the two"},
    {"max_tokens: 1000000\nbytes_per_token: 128KiB\nmemory: 1GiB\n",
     "F:3: memory: max_tokens (F:1) says how much memory, too; keep one of the two"},
    {"memory: much\ngc_threshold: 2\nnum_worker: 3\n",
     "F:1: memory: \"much\" is not a size (it does not begin with a number); write it like 8GiB, 512MiB, 1.5GiB or "
     "20%\n"
     "F:2: gc_threshold: \"2\" is more than the whole; write it like 0.95 or 95%\n"
     "F:3: num_worker: unknown key; did you mean num_workers?"},
};

constexpr Broken of_tenants[] = {
    {"tenants:\n  - name: chat\n    users: [0]\n    lease_max_age: 10\n",
     "F:4: tenant chat: lease_max_age: \"10\" is not a duration (it has no unit); write it like 10s, 500ms, 2min or "
     "1h"},
    {"tenants:\n  - name: chat\n    users: [0]\n    lease_max_age: 99ms\n",
     "F:4: tenant chat: lease_max_age: \"99ms\" is out of range; expected 100ms to 24h"},
    {"tenants: chat\n",
     "F:1: tenants: expected a list of tenants, each with a name; without the key there is one tenant, "
     "for the daemon's own user and group"},
    {"tenants: []\n",
     "F:1: tenants: expected a list of tenants, each with a name; without the key there is one tenant, "
     "for the daemon's own user and group"},
    {"tenants:\n  - chat\n", "F:2: tenant number 1: it has no keys; expected such as name: chat, and below it users: "
                             "[alice]"},
    {"tenants:\n  - users: [0]\n", "F:2: tenant number 1: it has no name; give one, such as name: chat"},
    {"tenants:\n  - name: a b\n    users: [0]\n",
     "F:2: tenant number 1: name: \"a b\" cannot be a name; expected 1 to 63 "
     "of the characters A-Z a-z 0-9 . _ -, not beginning with gpu."},
    {"tenants:\n  - name: a\n    users: [0]\n  - name: a\n    users: [0]\n",
     "F:4: tenant a: name: F:2 has this name already; give each tenant its own"},
    {"tenants:\n  - name: a\n", "F:2: tenant a: nobody may use it; give it users, groups, read_only_users or "
                                "read_only_groups"},
    {"tenants:\n  - name: a\n    users: []\n    groups: []\n",
     "F:2: tenant a: nobody may use it; give it users, groups, read_only_users or read_only_groups"},
    {"tenants:\n  - name: a\n    users:\n      - 0\n      - no-such-user\n",
     "F:5: tenant a: users: there is no user \"no-such-user\" on this machine; correct the name, create the user, or "
     "give "
     "a number"},
    {"tenants:\n  - name: a\n    groups: [4294967295]\n",
     "F:3: tenant a: groups: \"4294967295\" is no number of a group; expected at most 4294967294"},
    {"tenants:\n  - name: a\n    users: root\n",
     "F:3: tenant a: users: \"root\"; expected a list such as [alice, 1001]"},
    {"tenants:\n  - name: a\n    users: [[0]]\n",
     "F:3: tenant a: users: a list in the list; expected a list such as [alice, 1001]"},
    {"tenants:\n  - name: a\n    users: [0]\n    read_only_users: [root]\n",
     "F:4: tenant a: read_only_users: number 0 is in users as well, and can be in one of them only"},
    {"tenants:\n  - name: a\n    users: [0]\n    client: 3\n",
     "F:4: tenant a: client: unknown key; did you mean clients?"},
    {"tenants:\n  - name: a\n    users: [0]\n    socket: /x\n",
     "F:4: tenant a: socket: it is a key of the daemon, not of a tenant; write it at the left margin"},
    {"tenants:\n  - name: a\n    users: [0]\n    clients: 0\n",
     "F:4: tenant a: clients: \"0\" is out of range; expected 1 to 1024"},
    {"tenants:\n  - name: a\n    users: [0]\n    operations_per_second: 1k\n",
     "F:4: tenant a: operations_per_second: \"1k\" is not a whole number; write it in digits, like 1000"},
};

constexpr Broken of_shares[] = {
    {"memory: 64MiB\ntenants:\n  - {name: a, users: [0], memory: 8MiB}\n",
     "F:3: tenant a: memory: \"8MiB\" is 8 MiB; a tenant needs at least 16 MiB"},
    {"memory: 64MiB\ntenants:\n  - {name: a, users: [0], memory: 10%}\n",
     "F:3: tenant a: memory: \"10%\" is 6.4 MiB; a tenant needs at least 16 MiB"},
    {"memory: 64MiB\ntenants:\n  - {name: a, users: [0], memory: 48MiB}\n  - {name: b, users: [0], memory: 32MiB}\n",
     "F:2: tenants: the memory of the tenants adds up to 80 MiB, but memory is 64 MiB; give them less, or raise "
     "memory"},
    {"memory: 64MiB\ntenants:\n  - {name: a, users: [0], memory: 75%}\n  - {name: b, users: [0]}\n  - {name: c, users: "
     "[0]}\n",
     "F:4: tenant b: 8 MiB are left for its memory, and a tenant needs at least 16 MiB; give the others less, or raise "
     "memory\n"
     "F:5: tenant c: 8 MiB are left for its memory, and a tenant needs at least 16 MiB; give the others less, or raise "
     "memory"},
    {"memory: 64MiB\ntenants:\n  - {name: a, users: [0], pinned_memory: 65MiB}\n",
     "F:3: tenant a: pinned_memory: \"65MiB\" is more than the tenant's memory, 64 MiB; expected at most that, or a "
     "percentage"},
    {"memory: 64MiB\ntenants:\n  - {name: a, users: [0], leased_memory: 1GB}\n",
     "F:3: tenant a: leased_memory: \"1GB\" is not a size (its unit is none of B, KiB, MiB, GiB, TiB, %); write it "
     "like "
     "8GiB, 512MiB, 1.5GiB or 20%"},
};

// Where the memory is not known, what depends on it is not complained of as well.
constexpr Broken of_one_fault[] = {
    {"memory: lots\ntenants:\n  - {name: a, users: [0], memory: 48GiB}\n  - {name: b, users: [0]}\n",
     "F:1: memory: \"lots\" is not a size (it does not begin with a number); write it like 8GiB, 512MiB, 1.5GiB or "
     "20%"},
    {"enable_persistence: true\npersistence_path: kv\ndisk_file_size: 64MiB\ntenants:\n  - {name: a, users: [0], "
     "disk: 50%}\n  - {name: b, users: [0]}\n",
     "F:2: persistence_path: \"kv\" depends on where uakvd is started; expected the absolute path of a directory"},
    {"enable_persistence: true\npersistence_path: /tmp\ndisk_size: lots\ndisk_file_size: 1MiB\ntenants:\n  - {name: a, "
     "users: [0], disk: 50%}\n",
     "F:3: disk_size: \"lots\" is not a size (it does not begin with a number); write it like 8GiB, 512MiB, 1.5GiB or "
     "20%"},
    {"tenants:\n  - {name: a, users: [no-such-user]}\n", "F:2: tenant a: users: there is no user \"no-such-user\" on "
                                                         "this machine; correct the name, create the user, or give "
                                                         "a number"},
    {"tenants:\n  - {name: a, users: root}\n", "F:2: tenant a: users: \"root\"; expected a list such as [alice, 1001]"},
};

void too_many_tenants() {
    std::string text = "memory: 1TiB\ntenants:\n";
    for (std::size_t i = 0; i <= limits::tenants_max; ++i) {
        text += "  - {name: t" + std::to_string(i) + ", users: [0]}\n";
    }
    const ConfigFile file(text);
    CHECK_EQ(refusal_of({"--socket", "/s", "--config", file.path()}),
             file.path() + ":2: tenants: there are 65 of them; expected at most 64");
}

void files_that_cannot_be_read() {
    CHECK_EQ(
        refusal_of({"--socket", "/s", "--config", "/nonexistent/uakvd.yaml"}),
        "--config: cannot open the configuration file /nonexistent/uakvd.yaml: No such file or directory (errno 2)");
    CHECK_EQ(
        refusal_of({"--socket", "/s"}, {{"UAKV_CONFIG", "/nonexistent/uakvd.yaml"}}),
        "UAKV_CONFIG: cannot open the configuration file /nonexistent/uakvd.yaml: No such file or directory (errno "
        "2)");
    CHECK_EQ(refusal_of({"--socket", "/s", "--config", "/"}),
             "--config: cannot read the configuration file /: Is a directory (errno 21)");
    const ConfigFile large("#" + std::string(2 << 20, 'x'));
    CHECK_EQ(refusal_of({"--socket", "/s", "--config", large.path()}),
             "--config: the configuration file " + large.path() + " has more than 1048576 bytes; is it the right one?");
}

// Deep or wild text ends in a message as well.
void hostile_text() {
    const std::string wild[] = {
        "a: " + std::string(5000, '['),
        std::string(5000, '{'),
        std::string(5000, '-') + " a",
        "\x01\x02\xff\xfe",
        std::string(3, '\0'),
        "? ? ? a",
        "a: *b",
        "%YAML 9.9\n---\na: b",
        "memory: \"unclosed",
        "memory: |\n  1GiB\n",
        "<<: {memory: 1GiB}",
        "\xef\xbb\xbfmemory: x",
    };
    for (const std::string &text : wild) {
        const ConfigFile file(text);
        const std::string message = refusal_of({"--socket", "/s", "--config", file.path()});
        CHECK_MESSAGE(message.starts_with(file.path()), "of \"" + text.substr(0, 40) + "\": " + message);
    }
}

// A thousand faults give a report that can still be read.
void many_faults() {
    std::string text;
    for (int i = 0; i < 1000; ++i) {
        text += "memory" + std::to_string(i) + ": 1GiB\n";
    }
    const ConfigFile file(text);
    const std::string message = refusal_of({"--socket", "/s", "--config", file.path()});
    CHECK_EQ(std::count(message.begin(), message.end(), '\n'), 50);
    CHECK_MESSAGE(message.ends_with("\nand 950 more like these"), message);
}

constexpr Case cases[] = {
    {"of_yaml", [] { check_all(of_yaml); }},
    {"of_keys", [] { check_all(of_keys); }},
    {"of_values", [] { check_all(of_values); }},
    {"of_this_version", [] { check_all(of_this_version); }},
    {"of_disk", [] { check_all(of_disk); }},
    {"of_no_disk", [] { check_all(of_no_disk); }},
    {"of_shares_of_disk", [] { check_all(of_shares_of_disk); }},
    {"of_gpus", [] { check_all(of_gpus); }},
    {"of_combinations", [] { check_all(of_combinations); }},
    {"of_tenants", [] { check_all(of_tenants); }},
    {"of_shares", [] { check_all(of_shares); }},
    {"of_one_fault", [] { check_all(of_one_fault); }},
    {"too_many_tenants", too_many_tenants},
    {"files_that_cannot_be_read", files_that_cannot_be_read},
    {"hostile_text", hostile_text},
    {"many_faults", many_faults},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("settings_broken", uakv::test::cases);
}
