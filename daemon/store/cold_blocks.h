// Blocks that are on disk alone: entries of the index without a slot. They are never leased, so their entries are used
// again at once. The block that comes from memory or goes there keeps its place in the index: whoever looks for it
// finds the one entry or the other.
#pragma once

#include "daemon/store/counters.h"
#include "daemon/store/departures.h"
#include "daemon/store/expiry.h"
#include "daemon/store/index_writer.h"

namespace uakv {

class ColdBlocks {
public:
    struct Records {
        Expiry &expiry;
        Counters &counters;
        Departures &departures;
    };
    ColdBlocks(IndexWriter &index, Records records) : index_(index), records_(records) {}

    // The block is nowhere in the index. UAKV_ERR_NO_SPACE when there is no room for an entry.
    Result<EntryId> publish(BlockDescription block);

    // In the place of a block in memory, whose entry is retired by this. The same.
    Result<EntryId> replace(EntryId resident);

    // A block in memory has taken the place of the entry: it is not live any more.
    void replaced(const BlockDescription &block, EntryId entry);

    // It is not on disk any more, or must not be.
    void retire(EntryId entry, Departure why);

private:
    void entered(const BlockDescription &block, EntryId entry);
    void left(const BlockDescription &block, EntryId entry);

    IndexWriter &index_;
    Records records_;
};

} // namespace uakv
