#include "daemon/config/tenants_config.h"

#include "daemon/base/units.h"
#include "daemon/config/accounts.h"
#include "daemon/config/gpu_config.h"
#include "daemon/config/values.h"

#include <algorithm>
#include <fmt/format.h>
#include <unistd.h>

namespace uakv {
namespace {

constexpr std::uint64_t mebibyte = 1ULL << 20;
constexpr std::uint64_t pinned_share = 2; // of the memory: a half
constexpr std::uint64_t lease_ms_min = 100;
constexpr std::uint64_t lease_ms_max = 24 * 60 * 60 * 1000;

// Something that the tenants divide among them: some say how much they get, the others share the rest equally.
struct Divided {
    KeyId key;
    const char *name;
    const char *whole; // what the key of the daemon is called
    std::uint64_t least;
    std::uint64_t TenantSettings::*bytes;
};
constexpr Divided of_memory = {KeyId::tenant_memory, "memory", "memory", limits::memory_bytes_min,
                               &TenantSettings::memory_bytes};
constexpr Divided of_disk = {KeyId::tenant_disk, "disk", "disk_size", limits::disk_bytes_min,
                             &TenantSettings::disk_bytes};

// A tenant whose memory is not yet known, and what waits for it because it may be a percentage of it.
struct Draft {
    ConfiguredTenant tenant;
    Subject subject; // "/etc/uakv/uakvd.yaml:12: tenant chat"
    std::vector<Given> values;

    TenantSettings &settings() { return tenant.settings; }
    const Given *find(KeyId id) const {
        for (const Given &given : values) {
            if (given.key->id == id) {
                return &given;
            }
        }
        return nullptr;
    }
};

// What is kept of tenants on GPUs for the next daemon has names that begin so.
constexpr const char *gpu_name_prefix = "gpu.";

// It is also the name of a directory.
bool good_name(const std::string &name) {
    constexpr const char *letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    return !name.empty() && name != "." && name != ".." && !name.starts_with(gpu_name_prefix) &&
           name.size() <= limits::tenant_name_bytes_max && name.find_first_not_of(letters) == std::string::npos;
}

// What messages call a tenant: by its name if it has one that can be printed, else by its place in the list.
std::string title_of(const ConfigValue &map, std::size_t number) {
    for (const ConfigEntry &entry : map.entries) {
        if (entry.key == key_of(KeyId::tenant_name).name && good_name(entry.value.text)) {
            return "tenant " + entry.value.text;
        }
    }
    return fmt::format("tenant number {}", number);
}

void read_name(Draft &draft, Complaints &complaints) {
    const Given *given = draft.find(KeyId::tenant_name);
    if (given == nullptr) {
        complaints.add(draft.subject, "it has no name; give one, such as name: chat");
        return;
    }
    const auto name = read_word(*given, complaints);
    if (name && !good_name(*name)) {
        complaints.add(given->subject, fmt::format("\"{}\" cannot be a name; expected {}", *name, given->key->form));
    } else if (name) {
        draft.settings().name = *name;
    }
}

void read_members(Draft &draft, Complaints &complaints) {
    const auto accounts = [&](KeyId id, auto find) {
        const Given *given = draft.find(id);
        return given == nullptr ? std::vector<std::uint32_t>() : read_accounts(*given, find, complaints);
    };
    Members &members = draft.settings().members, &readers = draft.settings().readers;
    members.users = accounts(KeyId::tenant_users, find_user);
    members.groups = accounts(KeyId::tenant_groups, find_group);
    readers.users = accounts(KeyId::tenant_read_only_users, find_user);
    readers.groups = accounts(KeyId::tenant_read_only_groups, find_group);

    const auto check_twice = [&](const auto &all, KeyId id, const auto &some, KeyId reading) {
        for (const auto number : some) {
            if (std::find(all.begin(), all.end(), number) != all.end()) {
                complaints.add(
                    draft.find(reading)->subject,
                    fmt::format("number {} is in {} as well, and can be in one of them only", number, key_of(id).name));
            }
        }
    };
    check_twice(members.users, KeyId::tenant_users, readers.users, KeyId::tenant_read_only_users);
    check_twice(members.groups, KeyId::tenant_groups, readers.groups, KeyId::tenant_read_only_groups);
}

bool admits_nobody(const Draft &draft) {
    for (const KeyId id :
         {KeyId::tenant_users, KeyId::tenant_groups, KeyId::tenant_read_only_users, KeyId::tenant_read_only_groups}) {
        const Given *given = draft.find(id);
        // What is wrong with a list that is none has been said.
        if (given != nullptr && (given->value.kind != ConfigValue::Kind::list || !given->value.items.empty())) {
            return false;
        }
    }
    return true;
}

void read_counts(Draft &draft, Complaints &complaints) {
    TenantSettings &settings = draft.settings();
    const auto count = [&](KeyId id, std::uint64_t least, std::uint64_t most, auto &into) {
        if (const Given *given = draft.find(id)) {
            if (const auto number = read_count(*given, least, most, complaints)) {
                into = static_cast<std::remove_reference_t<decltype(into)>>(*number);
            }
        }
    };
    count(KeyId::tenant_clients, 1, limits::clients_max, settings.clients_max);
    count(KeyId::tenant_descriptors, 0, UINT32_MAX, settings.descriptors_max);
    count(KeyId::tenant_operations_per_second, 0, UINT32_MAX, settings.operations_per_second);
}

void read_lease_max_age(Draft &draft, Complaints &complaints) {
    const Given *given = draft.find(KeyId::tenant_lease_max_age);
    if (given != nullptr && given->value.text != "0") {
        draft.settings().lease_ms_max = read_duration_ms(*given, lease_ms_min, lease_ms_max, complaints).value_or(0);
    }
}

// Percentages come in whole MiB, as shares do: they are easier to read, and nobody counts on the rest.
void read_part(Draft &draft, const Divided &what, std::uint64_t whole, Complaints &complaints) {
    const Given *given = draft.find(what.key);
    if (given == nullptr) {
        return;
    }
    auto bytes = read_size(*given, whole, complaints);
    if (!bytes) {
        return;
    }
    if (given->value.text.ends_with('%') && *bytes >= what.least) {
        *bytes -= *bytes % mebibyte;
    }
    if (*bytes < what.least) {
        complaints.add(given->subject, fmt::format("\"{}\" is {}; a tenant needs at least {}", given->value.text,
                                                   format_size(*bytes), format_size(what.least)));
        return;
    }
    draft.settings().*what.bytes = *bytes;
}

Draft read_tenant(const ConfigValue &map, const std::string &file, std::size_t number, const Shared &shared,
                  Complaints &complaints) {
    const std::string title = title_of(map, number);
    Draft draft;
    draft.subject = {file, map.line, title};
    if (map.kind != ConfigValue::Kind::map) {
        complaints.add(draft.subject, "it has no keys; expected such as name: chat, and below it users: [alice]");
        return draft;
    }
    draft.values = read_entries(map, file, title + ": ", tenant_keys(), complaints);
    for (const Given &given : draft.values) {
        draft.tenant.origins[given.key->id] = given.subject.place();
    }
    read_name(draft, complaints);
    read_members(draft, complaints);
    if (admits_nobody(draft)) {
        complaints.add(draft.subject, "nobody may use it; give it users, groups, read_only_users or read_only_groups");
    }
    read_counts(draft, complaints);
    read_lease_max_age(draft, complaints);
    read_part(draft, of_memory, shared.memory_bytes, complaints);
    if (const Given *gpu = draft.find(KeyId::tenant_gpu_memory)) {
        draft.settings().gpu_memory = read_gpu_amount(*gpu, complaints).value_or("");
    }
    if (const Given *disk = draft.find(KeyId::tenant_disk); disk != nullptr && shared.no_disk) {
        complaints.add(disk->subject, *shared.no_disk);
    } else if (shared.disk_bytes != 0) {
        read_part(draft, of_disk, shared.disk_bytes, complaints);
    }
    return draft;
}

void check_names(const std::vector<Draft> &drafts, Complaints &complaints) {
    for (auto draft = drafts.begin(); draft != drafts.end(); ++draft) {
        const std::string &name = draft->tenant.settings.name;
        const auto before =
            std::find_if(drafts.begin(), draft, [&](const Draft &each) { return each.tenant.settings.name == name; });
        if (!name.empty() && before != draft) {
            complaints.add(draft->find(KeyId::tenant_name)->subject,
                           fmt::format("{} has this name already; give each tenant its own",
                                       before->find(KeyId::tenant_name)->subject.place()));
        }
    }
}

// Those that say nothing get equal parts of what the others leave.
void share(const Given &list, const Divided &what, std::vector<Draft> &drafts, std::uint64_t whole,
           Complaints &complaints) {
    std::uint64_t given_bytes = 0, sharing = 0;
    for (const Draft &draft : drafts) {
        given_bytes += draft.tenant.settings.*what.bytes;
        sharing += draft.find(what.key) == nullptr ? 1U : 0U;
    }
    if (given_bytes > whole) {
        complaints.add(list.subject,
                       fmt::format("the {} of the tenants adds up to {}, but {} is {}; give them less, or raise {}",
                                   what.name, format_size(given_bytes), what.whole, format_size(whole), what.whole));
        return;
    }
    if (sharing == 0) {
        return;
    }
    std::uint64_t part = (whole - given_bytes) / sharing;
    if (drafts.size() > 1) {
        part -= part % mebibyte;
    }
    for (Draft &draft : drafts) {
        if (draft.find(what.key) != nullptr) {
            continue;
        }
        if (part < what.least) {
            complaints.add(draft.subject,
                           fmt::format("{} are left for its {}, and a tenant needs at least {}; give the others less, "
                                       "or raise {}",
                                       format_size(part), what.name, format_size(what.least), what.whole));
        }
        draft.settings().*what.bytes = part;
    }
}

void read_quotas_of_memory(Draft &draft, Complaints &complaints) {
    TenantSettings &settings = draft.settings();
    settings.pinned_bytes_max = settings.memory_bytes / pinned_share;
    if (const Given *given = draft.find(KeyId::tenant_leased_memory)) {
        settings.leased_bytes_max = read_size(*given, settings.memory_bytes, complaints).value_or(0);
    }
    if (const Given *given = draft.find(KeyId::tenant_pinned_memory)) {
        const auto bytes = read_size(*given, settings.memory_bytes, complaints);
        settings.pinned_bytes_max = bytes.value_or(0);
        if (bytes && *bytes > settings.memory_bytes && settings.memory_bytes > 0) {
            complaints.add(given->subject, fmt::format("\"{}\" is more than the tenant's memory, {}; expected at most "
                                                       "that, or a percentage",
                                                       given->value.text, format_size(settings.memory_bytes)));
        }
    }
}

} // namespace

ConfiguredTenant default_tenant(const Shared &shared) {
    ConfiguredTenant tenant;
    tenant.settings.name = "default";
    tenant.settings.members.users = {::geteuid()};
    tenant.settings.members.groups = {::getegid()};
    tenant.settings.memory_bytes = shared.memory_bytes;
    tenant.settings.pinned_bytes_max = shared.memory_bytes / pinned_share;
    tenant.settings.disk_bytes = shared.disk_bytes;
    return tenant;
}

std::vector<ConfiguredTenant> read_tenants(const Given &list, const Shared &shared, Complaints &complaints) {
    if (list.value.kind != ConfigValue::Kind::list || list.value.items.empty()) {
        complaints.add(list.subject, fmt::format("expected {}; without the key there is one tenant, for the daemon's "
                                                 "own user and group",
                                                 list.key->form));
        return {};
    }
    if (list.value.items.size() > limits::tenants_max) {
        complaints.add(list.subject, fmt::format("there are {} of them; expected at most {}", list.value.items.size(),
                                                 limits::tenants_max));
        return {};
    }
    std::vector<Draft> drafts;
    drafts.reserve(list.value.items.size());
    for (const ConfigValue &item : list.value.items) {
        drafts.push_back(read_tenant(item, list.subject.file, drafts.size() + 1, shared, complaints));
    }
    check_names(drafts, complaints);
    share(list, of_memory, drafts, shared.memory_bytes, complaints);
    if (shared.disk_bytes != 0) {
        share(list, of_disk, drafts, shared.disk_bytes, complaints);
    }
    std::vector<ConfiguredTenant> tenants;
    tenants.reserve(drafts.size());
    for (Draft &draft : drafts) {
        read_quotas_of_memory(draft, complaints);
        tenants.push_back(std::move(draft.tenant));
    }
    return tenants;
}

} // namespace uakv
