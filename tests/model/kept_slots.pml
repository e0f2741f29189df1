// Slots that a client keeps, and that the daemon may take back: ipc/kept_slots.h, clientlib/grants.cc.
//
// A client with one place to keep a slot in, another client, two slots. The first asks for slots, fills them, keeps
// them, takes them again, or gives them back; the daemon takes back what is kept when it has no other. HOSTILE: the
// first one writes into its place whatever it likes.
//
// Memory: who sets the word to 0 does it with a compare-exchange, which is one step for everybody on x86-64 and on
// AArch64. That what was written to a slot before it was offered comes before what the next owner writes (the release
// of keep_slot) is the order of two statements here.
//
// Properties: nobody is given a slot that another one uses, the last word in a slot is its owner's, and in the end
// each slot is free again.

#define slots 2
#define nobody 0
#define keeper 1
#define other 2

byte place; // SessionLayout::kept: the number of the slot, from 1; 0: nothing
byte user[slots + 1];  // who may write to the slot
byte bytes[slots + 1]; // who wrote to it last
chan asks[3] = [1] of { byte };   // 0: for a slot; else this one goes back
chan grants[3] = [1] of { byte };
bit holds[(slots + 1) * 3]; // Session::holds: the daemon's books
#define held(who, slot) holds[(who) * (slots + 1) + slot]
bit is_free[slots + 1];

inline begin_use(who, slot) {
    atomic { assert(user[slot] == nobody); user[slot] = who }
}

inline give_back(who, slot) {
    atomic { user[slot] = nobody; asks[who]!slot }
}

// mirrors: ipc/kept_slots.h win_kept keep_slot take_kept reclaim_kept
// mirrors: clientlib/grants.cc Grants::take Grants::keep
// mirrors: clientlib/submitter.cc Submitter::drop
// mirrors: clientlib/reservations.cc Reservations::take
#ifdef HOSTILE
proctype Keeper() {
    byte mine, rounds = 4;
    do
    :: rounds > 0 ->
        rounds--;
        if
        :: asks[keeper]!0; grants[keeper]?mine
        :: mine != 0 -> asks[keeper]!mine; mine = 0 // what it gives back it may have offered too
        :: place = 0
        :: place = 1
        :: place = 2
        fi
    :: else -> break
    od
}
#else
proctype Keeper() {
    byte mine, kept, rounds = 3;
    do
    :: rounds > 0 && mine == 0 ->
        rounds--;
        asks[keeper]!0;
        grants[keeper]?mine;
        if
        :: mine != 0 -> begin_use(keeper, mine)
        :: else
        fi
    :: mine != 0 && kept == 0 -> // Grants::keep
        kept = mine;
#ifdef BREAK_RELAXED_KEEP
        atomic { user[kept] = nobody; place = kept };
        bytes[kept] = keeper;
#else
        bytes[kept] = keeper;
        atomic { user[kept] = nobody; place = kept };
#endif
        mine = 0
    :: mine != 0 -> bytes[mine] = keeper; assert(bytes[mine] == keeper); give_back(keeper, mine); mine = 0
    :: mine == 0 && kept != 0 -> // Grants::take
        if
#ifdef BREAK_CLIENT_LOAD_STORE
        :: place == kept -> place = 0; begin_use(keeper, kept); mine = kept
        :: place != kept
#else
        :: atomic { place == kept -> place = 0; begin_use(keeper, kept) }; mine = kept
        :: place != kept // the daemon has it
#endif
        fi;
        kept = 0
    :: rounds == 0 && mine == 0 && kept == 0 -> break
    od
}
#endif

proctype Other() {
    byte mine, rounds = 3;
    do
    :: rounds > 0 ->
        rounds--;
        asks[other]!0;
        grants[other]?mine;
        if
        :: mine != 0 ->
            begin_use(other, mine);
            bytes[mine] = other;
            assert(bytes[mine] == other);
            give_back(other, mine);
            mine = 0
        :: else
        fi
    :: else -> break
    od
}

// mirrors: daemon/control/slot_requests.cc SlotRequests::find_slot SlotRequests::hand_over
// mirrors: daemon/control/session.cc Session::reclaim
// mirrors: daemon/control/dispatcher.cc Dispatcher::abort
inline grant(who) {
    if
    :: is_free[1] -> slot = 1
    :: !is_free[1] && is_free[2] -> slot = 2
    :: else
    fi;
    if
    :: slot != 0 -> is_free[slot] = 0; held(who, slot) = 1
    :: else
    fi;
    grants[who]!slot;
    slot = 0
}

inline reclaim() { // reclaim_kept
    word = place;
    if
#ifdef BREAK_UNCHECKED
    :: word != 0 ->
#else
    :: word != 0 && held(keeper, word) ->
#endif
        if
#ifdef BREAK_DAEMON_LOAD_STORE
        :: place == word -> place = 0; won = 1
        :: place != word
#else
        :: atomic { place == word -> place = 0; won = 1 }
        :: place != word
#endif
        fi
    :: else
    fi;
    if
    :: won ->
        held(keeper, word) = 0;
        assert(!is_free[word] && !held(other, word));
        is_free[word] = 1;
        won = 0
    :: else
    fi;
    word = 0
}

inline serve(who) {
    asks[who]?slot;
    if
    :: slot == 0 ->
        if
        :: !is_free[1] && !is_free[2] -> reclaim()
        :: else
        fi;
        grant(who)
    :: slot != 0 ->
#ifndef HOSTILE
        assert(held(who, slot));
#endif
        if
        :: held(who, slot) -> held(who, slot) = 0; is_free[slot] = 1
#ifdef HOSTILE
        :: !held(who, slot) // it has offered that one too: a violation, and the end of the session
#endif
        fi;
        slot = 0
    fi
}

active proctype Daemon() {
    byte slot, word;
    bit won;
    atomic {
        is_free[1] = 1;
        is_free[2] = 1;
        run Keeper();
        run Other()
    };
    do
    :: nempty(asks[keeper]) -> serve(keeper)
    :: nempty(asks[other]) -> serve(other)
    :: timeout -> break // nothing can happen any more
    od;
#ifndef HOSTILE
    assert(place == 0);
    assert(is_free[1] && is_free[2])
#endif
}
