#include "daemon/config/config_file.h"

#include "ipc/fd.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <optional>
#include <sstream>
#include <unistd.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

namespace uakv {
namespace {

constexpr std::size_t file_bytes_max = 1 << 20;

int line_of(const YAML::Mark &mark) {
    return mark.line + 1;
}

// Builds the tree from what the parser reports. The first thing that has no place in a configuration is kept as the
// fault; what comes after it does not matter.
class TreeBuilder : public YAML::EventHandler {
public:
    void OnDocumentStart(const YAML::Mark &mark) override {
        if (++documents_ > 1) {
            refuse(mark, "what begins here is no part of what stands before it; is it indented wrongly, or \"---\"?");
        }
    }
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark &mark, YAML::anchor_t) override {
        ConfigValue value;
        value.line = line_of(mark);
        place(std::move(value));
    }

    void OnAlias(const YAML::Mark &mark, YAML::anchor_t) override {
        refuse(mark, "an alias (*) is not understood here; write the value itself");
        place({});
    }

    void OnScalar(const YAML::Mark &mark, const std::string &tag, YAML::anchor_t, const std::string &text) override {
        check_tag(mark, tag);
        ConfigValue value;
        value.kind = ConfigValue::Kind::scalar;
        value.line = line_of(mark);
        value.text = text;
        place(std::move(value));
    }

    void OnSequenceStart(const YAML::Mark &mark, const std::string &tag, YAML::anchor_t,
                         YAML::EmitterStyle::value) override {
        open(mark, tag, ConfigValue::Kind::list);
    }
    void OnSequenceEnd() override { close(); }

    void OnMapStart(const YAML::Mark &mark, const std::string &tag, YAML::anchor_t,
                    YAML::EmitterStyle::value) override {
        open(mark, tag, ConfigValue::Kind::map);
    }
    void OnMapEnd() override { close(); }

    void OnAnchor(const YAML::Mark &mark, const std::string &) override {
        refuse(mark, "an anchor (&) is not understood here; remove it");
    }

    struct Fault {
        int line;
        std::string what;
    };
    const std::optional<Fault> &fault() const { return fault_; }
    ConfigValue take() { return std::move(root_); }

private:
    // A list or map that is not yet complete, and of a map the key that waits for its value.
    struct Open {
        ConfigValue value;
        std::optional<ConfigEntry> entry;
    };

    void refuse(const YAML::Mark &mark, const std::string &what) {
        if (!fault_) {
            fault_ = Fault{line_of(mark), what};
        }
    }

    // "?" is a plain scalar, "!" a quoted one.
    void check_tag(const YAML::Mark &mark, const std::string &tag) {
        if (!tag.empty() && tag != "?" && tag != "!") {
            refuse(mark, fmt::format("the tag {} is not understood here; remove it", tag));
        }
    }

    void open(const YAML::Mark &mark, const std::string &tag, ConfigValue::Kind kind) {
        check_tag(mark, tag);
        ConfigValue value;
        value.kind = kind;
        value.line = line_of(mark);
        open_.push_back({std::move(value), std::nullopt});
    }

    void close() {
        ConfigValue value = std::move(open_.back().value);
        open_.pop_back();
        place(std::move(value));
    }

    void place(ConfigValue value) {
        if (open_.empty()) {
            root_ = std::move(value);
            return;
        }
        Open &in = open_.back();
        if (in.value.kind == ConfigValue::Kind::list) {
            in.value.items.push_back(std::move(value));
        } else if (in.entry) {
            in.entry->value = std::move(value);
            in.value.entries.push_back(std::move(*in.entry));
            in.entry.reset();
        } else {
            if (value.kind != ConfigValue::Kind::scalar && !fault_) {
                fault_ = Fault{value.line, "a key that is no word; expected lines such as memory: 8GiB"};
            }
            in.entry = ConfigEntry{value.text, value.line, {}};
        }
    }

    int documents_ = 0;
    std::vector<Open> open_;
    ConfigValue root_;
    std::optional<Fault> fault_;
};

} // namespace

Result<std::string> read_config_file(const std::string &path) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.valid()) {
        return errno_error(UAKV_ERR_INVALID, errno, "cannot open the configuration file %s", path.c_str());
    }
    std::string text;
    char buffer[16 * 1024];
    for (;;) {
        const ssize_t got = ::read(file.get(), buffer, sizeof buffer);
        if (got < 0) {
            return errno_error(UAKV_ERR_INVALID, errno, "cannot read the configuration file %s", path.c_str());
        }
        if (got == 0) {
            return text;
        }
        text.append(buffer, static_cast<std::size_t>(got));
        if (text.size() > file_bytes_max) {
            return error(UAKV_ERR_INVALID, "the configuration file %s has more than %zu bytes; is it the right one?",
                         path.c_str(), file_bytes_max);
        }
    }
}

Result<ConfigValue> parse_config(const std::string &text, const std::string &name) {
    // The parser would take the first zero for the end: a file that a crash has torn would count as an empty one.
    const auto control = std::find_if(text.begin(), text.end(), [](unsigned char byte) {
        return (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7f;
    });
    if (control != text.end()) {
        return Error{UAKV_ERR_INVALID,
                     fmt::format("{}:{}: a byte that no text has (0x{:02x}); is the file damaged, or the wrong one?",
                                 name, 1 + std::count(text.begin(), control, '\n'),
                                 static_cast<unsigned char>(*control))};
    }
    TreeBuilder builder;
    try {
        std::istringstream stream(text);
        YAML::Parser parser(stream);
        // Not beyond a fault: what is left over after a document, such as a bracket, the parser gives as new documents
        // without end.
        while (!builder.fault() && parser.HandleNextDocument(builder)) {
        }
    } catch (const YAML::Exception &failure) {
        return Error{UAKV_ERR_INVALID,
                     fmt::format("{}:{}: this is not YAML ({}, at column {}); is a colon, a quote or an indentation "
                                 "missing?",
                                 name, line_of(failure.mark), failure.msg, failure.mark.column + 1)};
    } catch (const std::exception &failure) {
        return Error{UAKV_ERR_INVALID, fmt::format("{}: this is not YAML ({})", name, failure.what())};
    }
    if (builder.fault()) {
        return Error{UAKV_ERR_INVALID, fmt::format("{}:{}: {}", name, builder.fault()->line, builder.fault()->what)};
    }
    return builder.take();
}

} // namespace uakv
