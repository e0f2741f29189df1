// Whether the books of a tenant agree with each other and with what its clients map: every live entry is found by its
// key and owns its slot, every reference in a bucket leads to an entry that is live, every slot in use has one owner,
// and the counters say the same.
#pragma once

#include "daemon/control/tenant.h"
#include "ipc/mapping.h"

namespace uakv::fuzz {

// `index` is the tenant's index region, mapped as a client maps it.
void walk(Tenant &tenant, const Mapping &index);

} // namespace uakv::fuzz
