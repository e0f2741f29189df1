#include "history/history.h"

#include <cstdio>

namespace uakv::test {
namespace {

const char *name_of(Action action) {
    switch (action) {
    case Action::connect:
        return "connect";
    case Action::store:
        return "store";
    case Action::reserve:
        return "reserve";
    case Action::commit:
        return "commit";
    case Action::abort:
        return "abort";
    case Action::retrieve:
        return "retrieve";
    case Action::claim:
        return "retrieve_or_reserve";
    case Action::look:
        return "contains or match_prefix";
    case Action::remove:
        return "remove";
    case Action::clear:
        return "clear";
    case Action::pin:
        return "pin";
    case Action::wrong:
        return "WRONG BYTES";
    }
    return "?";
}

std::string milliseconds(uint64_t at_ns, uint64_t begin_ns) {
    char text[32];
    std::snprintf(text, sizeof text, "%10.4f", (static_cast<double>(at_ns) - static_cast<double>(begin_ns)) / 1e6);
    return text;
}

std::string number(uint64_t value) {
    return std::to_string(value);
}

std::string place(const Operation &operation) {
    std::string text = " s" + number(operation.space);
    if (operation.key_count == 0) {
        return text; // all of the space
    }
    text += "/k" + number(operation.first_key);
    return operation.key_count == 1 ? text : text + "+" + number(operation.key_count);
}

std::string result_of(const Operation &operation) {
    std::string text = uakv_status_name(operation.status);
    if (operation.action == Action::remove) {
        text += " removed " + number(operation.result);
    }
    if (operation.action == Action::look) {
        for (unsigned i = 0; i < operation.key_count; ++i) {
            const bool told = (operation.looked >> i & 1) != 0;
            text += !told ? " ?" : (operation.result >> i & 1) != 0 ? " yes" : " no";
        }
    }
    return text;
}

} // namespace

std::string version_name(uint64_t version) {
    return "p" + number((version >> 56) - 1) + "." + number(version >> 32 & 0xffff) + "#" +
           number(version & 0xffffffff);
}

std::string describe(const Operation &operation, uint64_t begin_ns) {
    const bool responded = operation.responded_ns != 0;
    std::string text = milliseconds(operation.invoked_ns, begin_ns) + " .. ";
    text += responded ? milliseconds(operation.responded_ns, begin_ns) : "         -";
    text += "  p" + number(operation.process) + "." + number(operation.incarnation) + " " + name_of(operation.action);
    text += operation.asynchronous ? " (submitted)" : "";
    text += operation.action == Action::connect ? "" : place(operation);
    if (operation.version != 0) {
        text += " " + version_name(operation.version);
    }
    if (operation.ttl_ms != 0) {
        text += " ttl " + number(operation.ttl_ms) + " ms";
    }
    return text + " -> " + (responded ? result_of(operation) : "no answer");
}

std::string describe(const Departed &departed, uint64_t begin_ns) {
    return milliseconds(departed.at_ns, begin_ns) + " ..             daemon " + number(departed.daemon) + ": s" +
           number(departed.space) + "/k" + number(departed.key) + " left: " + departed.why;
}

} // namespace uakv::test
