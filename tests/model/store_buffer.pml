// Shared words, and stores that have not arrived in them yet. Included by the models whose subject is a fence.
//
// Spin interleaves whole statements in one order that all processes see. Machines do not: a processor goes on before
// its store is seen by others. Here each process has a buffer for its stores, which arrive at any later moment:
//   store_release   after all earlier stores of the process: any store of x86-64 (TSO), STLR of AArch64
//   store_relaxed   may overtake earlier stores that are to other words: STR of AArch64; weaker than x86-64
//   full_fence      waits until all have arrived: a locked instruction of x86-64, DMB ISH of AArch64
// A load reads the shared word; no process here reads a word back that it has just stored. A load never waits for a
// store (the store-load order that only a fence gives), and takes place where it stands: the models write both orders
// down where nothing orders two loads, or a load and a later store. A store that has arrived is seen by everybody, as
// both architectures promise (multi-copy atomicity).
//
// The model defines words_count, writers_count and pending_max before the include.

byte memory[words_count];
chan pending[writers_count] = [pending_max] of { byte, byte, bit }; // word, value, whether it keeps its place

#define load(word) memory[word]

inline store_release(who, word, value) {
    pending[who]!word, value, 1
}

inline store_relaxed(who, word, value) {
    pending[who]!word, value, 0
}

inline full_fence(who) {
    empty(pending[who])
}

// They are the first processes: their numbers are those of the writers.
active [writers_count] proctype StoreBuffer() {
    byte word, value;
end:
    do
    :: d_step { pending[_pid]?word, value, _ -> memory[word] = value; word = 0; value = 0 }
    :: d_step { pending[_pid]??word, value, 0 -> memory[word] = value; word = 0; value = 0 }
    od
}
