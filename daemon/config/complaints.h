// What is wrong with a configuration: all of it is found before any of it is reported, a line for each.
#pragma once

#include "ipc/result.h"

#include <string>
#include <vector>

namespace uakv {

// What a complaint is about, and where that stands.
struct Subject {
    std::string file; // nothing for a flag or a variable
    int line = 0;
    std::string name; // "memory", "tenant chat: users", "--memory", "UAKV_MEMORY"

    std::string place() const { return file.empty() ? name : file + ":" + std::to_string(line); }
    std::string text() const { return file.empty() || name.empty() ? place() : place() + ": " + name; }
};

class Complaints {
public:
    void add(const Subject &subject, const std::string &what);
    void add(const Error &error); // that names its subject itself

    bool any() const { return !complaints_.empty(); }

    // Those of a file in the order of its lines.
    Error error() const;

private:
    struct Complaint {
        Subject subject;
        std::string text;
    };

    std::vector<Complaint> complaints_;
};

} // namespace uakv
