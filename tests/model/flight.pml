// Single flight: daemon/control/flights.cc, daemon/control/slot_requests.cc.
//
// One block that is missing, three clients that claim it, two slots. A client that holds a slot commits, gives it back,
// dies, or hangs for ever; one that waits may give up, and its cancel crosses with whatever the daemon answers.
//
// Memory: none is shared here. The daemon is one thread, so each of its steps is atomic; messages keep their order, and
// that they arrive is the business of ring.pml.
//
// Properties: at most one client computes the block, not counting those that took too long; a slot carries one flight
// at most; when nothing can happen any more, nobody waits, and each slot is free, holds the block, or is held by a
// client that hangs.

#define clients 3
#define nobody 3
#define slots 2

mtype = { claim, cancel, commit, abort, granted, stored, timed_out, no_space };
chan asks[clients] = [3] of { mtype };
chan answers[clients] = [2] of { mtype };
bit killed[clients];
bit hangs[clients];
bit done[clients];

// mirrors: clientlib/submitter.cc Submitter::give_up Submitter::drop
// mirrors: clientlib/flight.cc FlightCall::go_on
proctype Client(byte me) {
    {
        asks[me]!claim;
        if
        :: skip ->
            if
            :: answers[me]?granted -> goto holder
            :: answers[me]?stored
            :: answers[me]?no_space
            fi
        :: asks[me]!cancel -> // its time is up: Submitter::give_up
            if
#ifdef BREAK_CANCEL_LOSES_SLOT
            :: answers[me]?granted
#else
            :: answers[me]?granted -> asks[me]!abort // Submitter::drop
#endif
            :: answers[me]?stored
            :: answers[me]?no_space
            :: answers[me]?timed_out
            fi
        fi;
        goto next;
holder:
        if
        :: asks[me]!commit;
            if
            :: answers[me]?stored -> asks[me]!abort // another was faster: the slot is still ours
            :: answers[me]?commit
            fi
        :: asks[me]!abort
#ifndef PATIENT
        :: hangs[me] = 1;
end:
            false
#endif
        fi;
next:
        skip
    } unless {
        killed[me]
    }
    done[me] = 1
}

// mirrors: daemon/control/flights.h claim granted dropped_out landed released withdraw cancel expire
// mirrors: daemon/control/flights.cc Flights::pass_on Flights::become_pilot Flights::forget_pilot
// mirrors: daemon/control/slot_requests.cc SlotRequests::claim SlotRequests::cancel SlotRequests::try_answer
// mirrors: daemon/control/slot_requests.cc SlotRequests::landed SlotRequests::released SlotRequests::leave
// mirrors: daemon/control/slot_requests.cc SlotRequests::expire SlotRequests::take_turns
// mirrors: daemon/control/dispatcher.cc Dispatcher::commit Dispatcher::abort
// mirrors: daemon/control/sessions.cc Sessions::destroy
chan waits = [clients] of { byte }; // Flight::waits
byte pilot = nobody;
bit carries;                        // the pilot has its slot (Flight::slot)
bit wants[clients];                 // Session::waiting_grants
bit holds[clients];                 // Session::holds
bit computes[clients];              // holds a slot for the block, and is not late
bit gone[clients];                  // its session is destroyed
byte free = slots;
bit is_stored;

inline answer(who, what) {
    if
    :: !gone[who] -> answers[who]!what
    :: else
    fi
}

inline pass_on() { // Flights::pass_on, SlotRequests::take_turns
    carries = 0;
    if
    :: nempty(waits) -> waits?pilot; wants[pilot] = 1
    :: empty(waits) -> pilot = nobody
    fi
}

inline released(who) { // the slot of `who` was committed or went back
    computes[who] = 0;
    if
#ifdef BREAK_EXPIRED_CARRIES
    :: (pilot == who && carries) || late[who] -> late[who] = 0; pass_on()
#else
    :: pilot == who && carries -> pass_on()
#endif
    :: else
    fi
}

inline on_claim(who) {
    if
    :: is_stored -> answer(who, stored)
#ifdef BREAK_TWO_HOLDERS
    :: !is_stored -> pilot = who; carries = 0; wants[who] = 1
#else
    :: !is_stored && pilot == nobody -> pilot = who; wants[who] = 1
    :: !is_stored && pilot != nobody -> waits!who
#endif
    fi
}

inline on_cancel(who) {
    if
    :: wants[who] ->
        wants[who] = 0;
        answer(who, timed_out);
#ifdef BREAK_CANCEL_KEEPS_TURN
        carries = 0
#else
        pass_on() // Flights::dropped_out
#endif
    :: !wants[who] && waits??[eval(who)] -> waits??eval(who); answer(who, timed_out)
    :: else
    fi
}

inline landed() {
    is_stored = 1;
    if
#ifndef BREAK_LANDED_FORGETS_PILOT
    :: pilot != nobody && !carries -> wants[pilot] = 0; answer(pilot, stored)
#endif
    :: pilot != nobody && carries -> computes[pilot] = 0
    :: else
    fi;
    pilot = nobody;
    carries = 0;
    do
    :: nempty(waits) -> waits?other; answer(other, stored)
    :: empty(waits) -> other = 0; break
    od
}

inline on_commit(who) {
    assert(holds[who]);
    if
    :: is_stored -> answer(who, stored)
    :: !is_stored -> holds[who] = 0; landed(); answer(who, commit)
    fi;
    released(who)
}

inline on_abort(who) {
    assert(holds[who]);
    holds[who] = 0;
    free++;
#ifdef BREAK_ABORT_NOT_PASSED_ON
    computes[who] = 0
#else
    released(who)
#endif
}

inline try_answer(who) {
    if
    :: free > 0 ->
        free--;
        assert(pilot == who && !carries && !is_stored);
        assert(!computes[0] && !computes[1] && !computes[2]);
        wants[who] = 0;
        holds[who] = 1;
        carries = 1;
        computes[who] = 1;
        answer(who, granted)
    :: free == 0 -> wants[who] = 0; answer(who, no_space); pass_on() // after some patience
    fi
}

inline on_expiry() {
    computes[pilot] = 0;
#ifdef BREAK_EXPIRED_CARRIES
    late[pilot] = 1;
#endif
    pass_on()
}

inline on_death(who) { // Sessions::destroy: SlotRequests::leave, then ~Session
    gone[who] = 1;
    wants[who] = 0;
    computes[who] = 0;
    if
    :: waits??[eval(who)] -> waits??eval(who)
    :: else
    fi;
    if
#ifndef BREAK_DEATH_NOT_PASSED_ON
    :: pilot == who -> pass_on()
#endif
    :: else
    fi;
    free = free + holds[who];
    holds[who] = 0
}

inline serve(who) {
    if
    :: asks[who]?claim -> on_claim(who)
    :: asks[who]?cancel -> on_cancel(who)
    :: asks[who]?commit -> on_commit(who)
    :: asks[who]?abort -> on_abort(who)
    fi
}

#define is_over(i) (gone[i] || hangs[i] || (done[i] && empty(answers[i])))
#define turns(i) \
    :: atomic { !gone[i] && nempty(asks[i]) -> serve(i) } \
    :: atomic { wants[i] -> try_answer(i) } \
    :: atomic { done[i] && killed[i] && !gone[i] -> on_death(i) }

active proctype Daemon() {
    byte other;
#ifdef BREAK_EXPIRED_CARRIES
    bit late[clients];
#endif
    do
    turns(0)
    turns(1)
    turns(2)
#ifndef PATIENT
    :: atomic { carries && nempty(waits) -> on_expiry() }
#endif
    :: timeout -> break // nothing can happen any more
    od;
    assert(is_over(0) && is_over(1) && is_over(2));
    assert(empty(waits) && !wants[0] && !wants[1] && !wants[2]);
    assert((holds[0] <= hangs[0]) && (holds[1] <= hangs[1]) && (holds[2] <= hangs[2]));
    assert(free + is_stored + holds[0] + holds[1] + holds[2] == slots)
}

proctype Death(byte who) {
    if
    :: killed[who] = 1
    :: skip
    fi
}

active proctype Start() {
    atomic {
        run Client(0);
        run Client(1);
        run Client(2);
#ifdef PATIENT
        run Death(1);
#endif
        run Death(0)
    }
}
