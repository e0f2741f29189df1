// The lease protocol and the withdrawal of leases: ipc/lease_table.h.
//
// One entry, one slot, two readers (each a client with one lease word), the evictor, and a writer that gets the slot
// when it is used again. The slot holds the generation that its bytes belong to.
//
// Memory: store buffers (store_buffer.pml); besides, loads that no fence or acquire keeps in order are read in either
// order. That covers x86-64 and AArch64.
//
// Properties: no slot is written while a lease on it stands (unless the lease was withdrawn), and a reader whose
// release says OK has read bytes of its generation only.
//
// A client may die at any step. So may the daemon: Spin also looks at the runs in which it never takes another step.
// A new daemon makes memory of its own and never writes to the old one's, so the views that are still open there stay
// as they are; nobody presents his leases to the new daemon. DESIGN_ADOPT is for later: a new daemon that adopts the
// memory and the tables of the old one.

#define gen 0       // IndexEntry::generation
#define where 1     // the other words of the entry; here: the generation that they belong to
#define granted 2   // the completion that hands the slot to the writer: for which generation
#define committed 3 // the writer's commit
#define lease(i) (4 + (i))
#define highest(i) (6 + (i)) // leases_high: 0 or 1
#define void(i) (8 + (i)) // leases_void
#define words_count 10

#define daemon 2
#define writers_count 3 // both readers, the daemon
#define pending_max 4

#include "store_buffer.pml"

#define first_generation 2
#ifndef last_generation
#define last_generation 4
#endif
#ifndef ROUNDS_1
#define ROUNDS_1 1
#endif

byte slot = first_generation; // the bytes of the block
bit reads[2];                 // the reader has a lease that it was told is good
bit killed[2];                // it takes no step any more, once the kernel
bit gone[2];                  // has done its work
#ifdef DESIGN_ADOPT
bit crashed; // the daemon has, and another begins
#endif

// mirrors: ipc/lease_table.h "R1 g" "R2 where" "R3 word" "R4 full fence" "R5 entry.generation" "R6 word"
// mirrors: ipc/lease_table.h lease_begin lease_end lease_cover lease_scan
// mirrors: clientlib/lease_cover.h cover
// mirrors: clientlib/hit.h find_and_lease open_block
// mirrors: clientlib/retrieve.cc release
// mirrors: ipc/lookup.h Lookup::match
proctype Reader(byte me; byte rounds) {
    byte generation, seen, place, first, last;
    bit covered, withdrawn;
    {
        do
        :: rounds > 0 ->
            rounds--;
            generation = load(gen); // R1, Lookup::match
            if
            :: generation % 2 == 1 -> goto next
            :: else
            fi;
            place = load(where); // R2
#ifndef BREAK_LATE_COVER
            if // LeaseCover::cover
            :: !covered -> covered = 1; store_relaxed(me, highest(me), 1)
            :: else
            fi;
#endif
            store_release(me, lease(me), generation); // R3
#ifndef BREAK_NO_READER_FENCE
            full_fence(me); // R4
#endif
#ifdef BREAK_LATE_COVER
            store_relaxed(me, highest(me), 1);
#endif
            if // R5. Nothing keeps the first look at the bytes behind it; the fence keeps both behind R3
            :: seen = load(gen); first = slot
            :: first = slot; seen = load(gen)
            fi;
#ifdef BREAK_NO_RECHECK
            seen = generation;
#endif
            if
            :: seen != generation -> store_release(me, lease(me), 0); goto next
            :: else -> reads[me] = 1
            fi;
            assert(place == generation);
#ifdef BREAK_RELAXED_END // R6 without release: the last look at the bytes may come after it
            withdrawn = load(void(me));
            reads[me] = 0;
            store_release(me, lease(me), 0);
            last = slot;
#else
#ifdef BREAK_CHECK_EARLY // without A1 the last look may come after A2
            withdrawn = load(void(me));
            last = slot;
#else
            last = slot;
            withdrawn = load(void(me)); // A1 is the order of these two; A2
#endif
            reads[me] = 0;
            store_release(me, lease(me), 0); // R6
#endif
            assert(withdrawn || (first == generation && last == generation));
next:
            seen = 0; place = 0; first = 0; last = 0; withdrawn = 0; generation = 0
        :: else -> break
        od
    } unless {
        killed[me] -> atomic { reads[me] = 0; gone[me] = 1 }
    }
}

// mirrors: ipc/lease_table.h "E1 entry.generation" "E2 full fence" "E3 scan" "E4 found"
// mirrors: daemon/store/evictor.cc Evictor::retire Evictor::settle Evictor::mark_leased
// mirrors: daemon/store/index_writer.cc IndexWriter::publish IndexWriter::retire
// mirrors: daemon/store/lease_tables.h attach detach
inline scan() { // E2 and E3
#ifndef BREAK_NO_EVICTOR_FENCE
    full_fence(daemon);
#endif
    high = attached[0] && load(highest(0));
    found = high && load(lease(0)) == generation;
    high = attached[1] && load(highest(1));
    found = found || (high && load(lease(1)) == generation);
    high = 0
}

// mirrors: ipc/lease_table.h void_leases lease_revoked A1 A2 V1 V2 V3
// mirrors: ipc/session_layout.h leases_void
// Memory is short, and client i has held its view for too long: its leases count no longer.
inline withdraw(i) {
#ifndef BREAK_LATE_VOID
    store_release(daemon, void(i), 1); // V1
    full_fence(daemon);                // V2
#endif
    attached[i] = 0;                   // V3
}

// A new life begins where the words say that the last one ended; the very first one finds the block live.
inline live() {
    full_fence(daemon);
    attached[0] = !load(void(0)); // LeaseTables
    attached[1] = !load(void(1));
    generation = load(gen) - load(gen) % 2;
    if
    :: load(gen) == generation -> skip
#ifdef DESIGN_ADOPT
    :: load(gen) != generation && load(granted) > generation -> goto wait
#ifdef BREAK_ADOPT_UNSCANNED
    :: load(gen) != generation && load(granted) <= generation -> goto grant
#else
    :: load(gen) != generation && load(granted) <= generation -> goto look
#endif
#endif
    fi;
    do
    :: generation < last_generation ->
#ifdef BREAK_SCAN_FIRST
        scan();
#endif
        store_release(daemon, gen, generation + 1); // E1
look:
#ifndef BREAK_SCAN_FIRST
        scan();
#endif
        if // E4
        :: found -> goto look
#ifdef WITHDRAW
        :: found && attached[0] -> withdraw(0); goto look
#endif
        :: found && gone[1] && attached[1] -> attached[1] = 0; goto look // its session goes: Tenant::detach
#ifdef BREAK_EARLY_DETACH
        :: found && killed[1] && attached[1] -> attached[1] = 0; goto look
#endif
        :: !found -> skip
        fi;
grant:
        store_release(daemon, granted, generation + 2);
wait:
        load(committed) == generation + 2;
#ifdef BREAK_LATE_VOID
        if
        :: !attached[0] -> store_release(daemon, void(0), 1)
        :: else
        fi;
#endif
        store_relaxed(daemon, where, generation + 2); // IndexWriter::publish, between odd and even
        store_release(daemon, gen, generation + 2);
        generation = generation + 2
    :: else -> break
    od
}

proctype Daemon() {
    byte generation;
    bit found, high;
    bit attached[2];
#ifdef DESIGN_ADOPT
again:
    {
        live()
    } unless {
        crashed -> crashed = 0; goto again
    }
#else
    live()
#endif
}

// The client that is given the slot, and the owner's word for it that the one before is through with it. Its writes
// lie between two messages of the rings, which order them (ring.pml).
proctype Writer() {
    byte wrote;
end:
    do
    :: atomic {
            load(granted) > wrote ->
            wrote = load(granted);
            assert((!reads[0] || load(void(0))) && (!reads[1] || load(void(1))));
            slot = wrote;
            memory[committed] = wrote
        }
    od
}

proctype Death() {
    killed[1] = 1
#ifdef DESIGN_ADOPT
    ; crashed = 1
#endif
}

active proctype Start() {
    atomic {
        memory[gen] = first_generation;
        memory[where] = first_generation;
        run Reader(0, 2);
        run Reader(1, ROUNDS_1);
        run Daemon();
        run Writer();
        run Death()
    }
}
