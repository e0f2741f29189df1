#include "death/companion.h"

#include "support/check.h"
#include "support/client.h"
#include "support/pattern.h"

#include <chrono>
#include <thread>

namespace uakv::test {

void fly_along(const std::string &socket_path, const std::string &name, const Journal &journal,
               const std::atomic<bool> &stop) {
    uakv_client *client = nullptr;
    CHECK_STATUS(connect_to(socket_path, 0, 20'000, &client), UAKV_OK);
    {
        Space space(client, "work");
        uint64_t last = 0;
        while (!stop.load()) {
            const uint64_t flight = journal.flight.load();
            if (flight == last) {
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
            }
            last = flight;
            const uakv_key key = flight_key_of(name, flight);
            uakv_view view;
            uakv_slot slot;
            const uakv_status status = uakv_retrieve_or_reserve(space, &key, flight_bytes, 0, &view, &slot);
            if (status == UAKV_MISS) {
                fill_block(slot.data, flight_bytes, key);
                const uakv_status committed = uakv_commit(&slot);
                CHECK_MESSAGE(committed == UAKV_OK || committed == UAKV_EXISTS, last_error());
            } else {
                CHECK_STATUS(status, UAKV_OK);
                check_block(view.data, view.nbytes, key);
                CHECK_STATUS(uakv_release(&view), UAKV_OK);
            }
        }
    }
    uakv_disconnect(client);
}

} // namespace uakv::test
