// A small log that several tests read: two files, a space, and 60 blocks of one to three pages in each.
#pragma once

#include "disk/log_builder.h"
#include "disk/machine.h"
#include "support/pattern.h"

#include <algorithm>
#include <functional>
#include <vector>

namespace uakv::test {

inline uakv_key key(std::uint64_t number) {
    return make_key("recovery", number);
}

struct TwoFiles {
    LogBuilder log;
    std::vector<Written> written;

    TwoFiles() {
        for (std::uint32_t file = 1; file <= 2; ++file) {
            log.file(file, 400);
            if (file == 1) {
                log.space(1);
            }
            for (std::uint32_t i = 0; i < 60; ++i) {
                log.durable_sequence = log.next_sequence;
                written.push_back(log.block(1, key(written.size()), 1000 + 4096 * (i % 3)));
            }
        }
        log.durable_sequence = log.next_sequence;
        log.commit();
    }

    // The blocks of a batch, by its header's page.
    std::size_t count_in(std::uint32_t file, std::uint32_t header_page) const {
        return static_cast<std::size_t>(std::ranges::count_if(
            written, [&](const Written &block) { return block.file == file && block.header_page == header_page; }));
    }
    // The header's page of the n-th batch of a file.
    std::uint32_t batch(std::uint32_t file, std::size_t n) const {
        std::vector<std::uint32_t> pages;
        for (const Written &block : written) {
            if (block.file == file && (pages.empty() || pages.back() != block.header_page)) {
                pages.push_back(block.header_page);
            }
        }
        return pages.at(n);
    }
    // All are known but those for which `lost` holds.
    void check(const disk::Recovered &found, const std::function<bool(const Written &)> &lost) const {
        std::size_t known = 0;
        for (std::size_t i = 0; i < written.size(); ++i) {
            if (lost(written[i])) {
                CHECK(!is_known(found, 1, key(i)));
            } else {
                check_known(found, 1, key(i), written[i]);
                ++known;
            }
        }
        CHECK_EQ(found.catalog.count(), known);
    }
};

inline bool nothing(const Written & /*block*/) {
    return false;
}

} // namespace uakv::test
