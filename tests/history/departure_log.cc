#include "history/departure_log.h"

#include "support/check.h"
#include "support/pattern.h"

#include <map>
#include <sstream>

namespace uakv::test {
namespace {

class Reader {
public:
    explicit Reader(const std::vector<DaemonLife> &daemons) : daemons_(daemons) {
        for (size_t i = 0; i < key_count; ++i) {
            keys_[hex_of(key_of(i))] = static_cast<uint8_t>(i);
        }
        for (size_t i = 0; i < space_count; ++i) {
            names_["\"" + space_name(i) + "\""] = static_cast<uint8_t>(i);
        }
    }

    void read(const std::string &line);
    std::vector<Departed> take() { return std::move(departures_); }

private:
    size_t daemon_at(uint64_t at_ns) const {
        size_t daemon = 0;
        while (daemon + 1 < daemons_.size() && daemons_[daemon + 1].begun_ns <= at_ns) {
            ++daemon;
        }
        return daemon;
    }

    const std::vector<DaemonLife> &daemons_;
    std::map<std::string, uint8_t> keys_;
    std::map<std::string, uint8_t> names_;
    std::map<std::pair<size_t, size_t>, uint8_t> spaces_; // by daemon and its number for the space
    std::vector<Departed> departures_;
};

// "uakvd: trace: TIME ns: space NUMBER is NAME" and "... block KEY left space NUMBER: WHY". What a daemon wrote as it
// was killed may lack its end.
void Reader::read(const std::string &line) {
    std::istringstream words(line);
    std::string uakvd, level, ns, what, name, verb, unit;
    uint64_t at_ns = 0;
    size_t number = 0;
    if (!(words >> uakvd >> level >> at_ns >> ns >> what) || level != "trace:") {
        return;
    }
    const size_t daemon = daemon_at(at_ns);
    if (what == "space" && words >> number >> verb >> name && names_.count(name) != 0) {
        spaces_[{daemon, number}] = names_[name];
    } else if (what == "block" && words >> name >> verb >> unit >> number && keys_.count(name) != 0) {
        std::string why;
        const auto space = spaces_.find({daemon, number});
        CHECK_MESSAGE(words.get() == ':' && words >> why && space != spaces_.end(), "odd line in the log: " + line);
        departures_.push_back({space->second, keys_[name], daemon, why, at_ns, never});
    }
}

} // namespace

std::string space_name(size_t space) {
    return "history-" + std::to_string(space);
}

uakv_key key_of(size_t key) {
    return make_key("history", key);
}

std::vector<Departed> read_departures(const std::string &log, const std::vector<DaemonLife> &daemons) {
    Reader reader(daemons);
    size_t begin = 0;
    for (size_t end = log.find('\n'); end != std::string::npos; begin = end + 1, end = log.find('\n', begin)) {
        reader.read(log.substr(begin, end - begin));
    }
    std::vector<Departed> departures = reader.take();
    // The daemon has one thread: a block is gone when the next one goes.
    for (size_t i = 1; i < departures.size(); ++i) {
        if (departures[i].daemon == departures[i - 1].daemon) {
            departures[i - 1].gone_ns = departures[i].at_ns;
        }
    }
    return departures;
}

} // namespace uakv::test
