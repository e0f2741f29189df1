// From records to blocks of the catalog, and back.
#pragma once

#include "daemon/tiers/disk/catalog.h"
#include "daemon/tiers/disk/format.h"

namespace uakv::disk {

// Of a record that holds.
CatalogBlock block_of(const RecordDescriptor &record, std::uint64_t sequence, FileNumber file);

// As it would be written now: where it lies is the writer's to change. `layout` is that of its space.
RecordDescriptor record_of(const CatalogBlock &block, std::uint64_t layout);

} // namespace uakv::disk
