// Submissions as they lie in the ring, byte for byte, of one client that has a space: the input is one after another.
#include "input.h"
#include "world.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    using namespace uakv;
    using namespace uakv::fuzz;
    World &world = World::get();
    Input input(data, size);
    Player &player = *world.connect(World::peer(0));
    HelloMessage hello;
    hello.flags = input.flag() ? UAKV_READ_ONLY : 0;
    world.say(player, hello);
    UAKV_ASSERT(player.session->welcomed());
    SpaceOpenMessage open;
    open.space = space_description(input.byte());
    world.say(player, open);
    while (!input.empty() && player.serving()) {
        const std::uint32_t tail = player.tail;
        World::submit(player, input.value<Submission>());
        if (player.tail == tail) {
            break; // it has sent enough
        }
        world.serve(player);
        world.dispatcher().continue_clears();
        world.dispatcher().retry_waiting(*player.session);
        World::read_completions(player);
        world.tenant(0).host().store().maintain();
    }
    world.clear();
    return 0;
}
