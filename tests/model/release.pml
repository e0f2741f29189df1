// Leases that a stream ends: ipc/ordered_release.h.
//
// One entry, one slot, a client with one lease word and one release word, its stream, the evictor, and a writer that
// gets the slot when it is used again. The slot holds the generation that its bytes belong to. The client launches what
// reads the block and goes on at once; it uses the word again when it sees that the stream has got there. Between its
// rounds the client may also end a lease by itself.
//
// Memory: store buffers (store_buffer.pml). The stream's reads come before its word by the fence that it makes; broken,
// the last of them comes behind.
//
// Property: no slot is written while the stream reads it, or is still to.

#define gen 0       // IndexEntry::generation
#define granted 1   // the completion that hands the slot to the writer: for which generation
#define committed 2 // the writer's commit
#define lease 3     // SessionLayout::leases
#define release 4   // DeviceSessionLayout::releases: the value, on the one stream there is
#define reached 5   // StreamWord::reached
#define words_count 6

#define client 0
#define daemon 1
#define stream 2
#define writers_count 3
#define pending_max 4

#include "store_buffer.pml"

#define first_generation 2
#define last_generation 6
#define rounds_count 3

byte slot = first_generation; // the bytes of the block
byte reads;                   // launched and not done: the generation that is read; 0: nothing is
chan launches = [1] of { byte, byte }; // to the stream: the generation, the value to write

// mirrors: ipc/ordered_release.h order_release is_release_reached clear_released "R7 releases" "C1 leases" "C2 releases"
// mirrors: ipc/lease_table.h lease_begin lease_end
proctype Client() {
    byte generation, value;
    do
    :: value < rounds_count ->
        generation = load(gen); // R1
        if
        :: generation % 2 == 1 -> goto next
        :: else
        fi;
        store_release(client, lease, generation); // R3
#ifndef BREAK_NO_READER_FENCE
        full_fence(client); // R4
#endif
        if // R5
        :: load(gen) != generation -> store_release(client, lease, 0); goto next
        :: else
        fi;
#ifdef BREAK_CLEAR_LATE
        store_release(client, release, 0);
#endif
        if
        :: skip -> // it ends by itself
            assert(slot == generation);
            store_release(client, lease, 0) // R6
        :: skip ->
            value++;
            reads = generation;
            launches!generation, value;
            store_release(client, release, value); // R7
#ifdef BREAK_CLEAR_EARLY
            skip;
#else
            load(reached) >= value;
#endif
            store_release(client, lease, 0);   // C1
#ifndef BREAK_CLEAR_LATE
#ifdef BREAK_KEEP_RELEASE
            skip
#else
            store_release(client, release, 0) // C2
#endif
#endif
        fi;
next:
        generation = 0
    :: else -> break
    od
}

// mirrors: ipc/ordered_release.h "S1 streams" "reads the block"
proctype Stream() {
    byte generation, value;
end:
    do
    :: launches?generation, value ->
        assert(slot == generation);
#ifdef BREAK_REACHED_EARLY
        store_release(stream, reached, value);
        assert(slot == generation);
        reads = 0;
#else
        assert(slot == generation);
        reads = 0;
        store_release(stream, reached, value); // S1
#endif
        generation = 0;
        value = 0
    od
}

// mirrors: ipc/ordered_release.h device_lease_scan "D1 leases" "D2 releases" "D3 the release"
// mirrors: daemon/store/lease_tables.h scan_one
// mirrors: daemon/store/evictor.cc Evictor::retire Evictor::settle Evictor::mark_leased
inline scan() {
    full_fence(daemon); // E2
    if // D1 and D2: in either order
    :: found = load(lease) == generation; over = load(release)
    :: over = load(release); found = load(lease) == generation
    fi;
    if // D3
#ifdef BREAK_NOT_COMPARED
    :: found && over != 0 -> found = 0
#else
    :: found && over != 0 && load(reached) >= over -> found = 0
#endif
    :: else
    fi;
    over = 0
}

proctype Daemon() {
    byte generation = first_generation;
    byte over;
    bit found;
    do
    :: generation < last_generation ->
        store_release(daemon, gen, generation + 1); // E1
look:
        scan();
        if // E4
        :: found -> goto look
        :: else
        fi;
        store_release(daemon, granted, generation + 2);
        load(committed) == generation + 2;
        store_release(daemon, gen, generation + 2);
        generation = generation + 2
    :: else -> break
    od
}

proctype Writer() {
    byte wrote;
end:
    do
    :: atomic {
            load(granted) > wrote ->
            wrote = load(granted);
            assert(reads == 0);
            slot = wrote;
            memory[committed] = wrote
        }
    od
}

active proctype Start() {
    atomic {
        memory[gen] = first_generation;
        run Client();
        run Stream();
        run Daemon();
        run Writer()
    }
}
