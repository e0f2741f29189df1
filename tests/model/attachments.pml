// When the memory of an attachment may be unmapped: clientlib/attachments.h, clientlib/leases.h.
//
// Two daemons that come after the first, three attachments. A thread that retrieves (twice, with one lease word each
// time, and a view that lives for a while), a thread that visits, and one that connects anew.
//
// Memory: all that counts here is sequentially consistent in the code (the claim, current(), its change, the visits and
// the look at the words), so each is one step, and they are in one order for all. BREAK_WEAK_CLAIM is what an
// acquire-release claim could do on AArch64: its store arrives later (store_buffer.pml).
//
// Properties: nobody uses memory that is unmapped, and once nobody uses an old attachment its memory goes.

#define attachments 3
#define words_count 2   // the lease words: claimed or not (Leases::State::used)
#define writers_count 1
#define pending_max 2

#include "store_buffer.pml"

#define retriever 0

bit mapped[attachments + 1];
byte current = 1;
byte visits[attachments + 1];
byte holder[words_count]; // Leases::State::holders: the attachment of the view; 0: none, or none yet
bit sweepable;
bit sweeping;             // Attachments::all_mutex_
byte made = 1;            // attachments, in all

#define use(attachment) assert(mapped[attachment])

// mirrors: clientlib/attachments.cc Attachments::sweep Attachments::in_use
// mirrors: clientlib/attachment.cc Attachment::release_memory
// mirrors: clientlib/leases.cc Leases::may_use
inline look_at_words(old) {
    seen = visits[old] != 0;
    if
    :: load(0) -> seen = seen || holder[0] == 0 || holder[0] == old
    :: else
    fi;
    if
    :: load(1) -> seen = seen || holder[1] == 0 || holder[1] == old
    :: else
    fi
}

inline sweep() {
    atomic { !sweeping -> sweeping = 1 };
    now = current;
    left = 0;
    i = 1;
    do
    :: i <= attachments ->
        if
        :: i != now && mapped[i] ->
            look_at_words(i);
            if
            :: seen -> left = 1
            :: else -> mapped[i] = 0
            fi
        :: else
        fi;
        i++
    :: else -> break
    od;
    sweepable = left;
    i = 0; now = 0; left = 0; seen = 0;
    sweeping = 0
}

// mirrors: clientlib/hit.h try_hit view_block
// mirrors: clientlib/retrieve.cc release
// mirrors: clientlib/leases.h Leases::claim Leases::open Leases::close Leases::give_back
// mirrors: clientlib/attachments.cc Attachments::look_after Attachments::end_old_lease
proctype Retriever() {
    byte word, mine, i, now;
    bit left, seen;
    do
    :: word < 2 ->
#ifdef BREAK_LOOK_FIRST
        mine = current;
#endif
#ifdef BREAK_WEAK_CLAIM
        store_release(retriever, word, 1);
#else
        memory[word] = 1; // Leases::claim
#endif
#ifndef BREAK_LOOK_FIRST
        mine = current; // Attachments::current
#endif
        use(mine);
        if
        :: holder[word] = mine; // Leases::open: a view
            use(mine);
            // release()
            use(mine);
            holder[word] = 0; // Leases::close
            now = current;
            use(mine); // lease_end
            full_fence(retriever);
            memory[word] = 0; // Leases::give_back
            if
            :: now != mine -> sweep()
            :: else
            fi
        :: use(mine); // a miss
            full_fence(retriever);
            memory[word] = 0;
            if
            :: sweepable -> sweep() // Attachments::look_after
            :: else
            fi
        fi;
        now = 0; mine = 0;
        word++
    :: else -> break
    od
}

// mirrors: clientlib/attachments.cc Attachments::visit Visit::~Visit
proctype Visitor() {
    byte mine, i, now;
    bit left, seen;
again:
    mine = current;
    visits[mine]++;
#ifndef BREAK_VISIT_ONCE
    if
    :: current != mine -> visits[mine]--; sweep(); goto again
    :: else
    fi;
#endif
    use(mine);
    use(mine);
    visits[mine]--;
    if
    :: visits[mine] == 0 && mine != current -> sweep()
    :: else
    fi;
    mine = 0
}

// mirrors: clientlib/attachments.cc Attachments::reconnect Attachments::replace
inline replace() {
    made++;
#ifdef BREAK_LISTED_EARLY // in Attachments::all_ before it is current
    mapped[made] = 1;
#endif
    atomic { !sweeping -> sweeping = 1 };
#ifdef BREAK_SWEEP_FIRST // looks at the users before the change
    now = current;
    look_at_words(now);
    mapped[made] = 1;
    current = made;
    mapped[now] = seen;
    seen = 0; now = 0;
#else
#ifndef BREAK_LISTED_EARLY
    mapped[made] = 1;
#endif
    current = made;
#endif
    sweeping = 0;
    sweepable = 1;
    sweep()
}

proctype Reconnector() {
    byte i, now;
    bit left, seen;
    replace();
    replace()
}

active proctype Start() {
    byte i, now;
    bit left, seen;
    atomic {
        mapped[current] = 1;
        run Retriever();
        run Visitor();
        run Reconnector()
    };
    timeout; // all are through; the next call of any kind looks after the rest
    if
    :: sweepable -> sweep()
    :: else
    fi;
    assert(current == attachments && mapped[current]);
    assert(!mapped[1] && !mapped[2])
}
