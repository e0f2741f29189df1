// A connection to uakvd that asks for reports: everything that uakvctl wants to know goes through it.
#pragma once

#include "ipc/fd.h"
#include "ipc/result.h"
#include "ipc/wire.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace uakv::ctl {

struct Options;

// A report as the daemon wrote it, for --json, and as a struct.
template <typename T> struct Answer {
    std::string document;
    T report;
};

class ReportClient {
public:
    // UAKV_ERR_DISCONNECTED where no daemon serves, UAKV_ERR_DENIED where this user may not connect.
    static Result<ReportClient> connect(const Options &options);

    // For a single report; `what` is a ReportKind or a ReportGetMessage.
    template <typename What, typename T>
    static Result<Answer<T>> ask_once(const Options &options, const What &what, Result<T> (*parse)(std::string_view)) {
        auto client = connect(options);
        return client.ok() ? client.value().ask(what, parse) : client.take_error();
    }

    // The document; the tenant is filled in from the options. Errors as the daemon gives them, UAKV_ERR_TIMEOUT,
    // and UAKV_ERR_VERSION for an answer that is no report. After an error the connection is of no more use.
    Result<std::string> get(ReportGetMessage message);

    // The same, read by one of the functions of report.h.
    template <typename T> Result<Answer<T>> ask(const ReportGetMessage &message, Result<T> (*parse)(std::string_view)) {
        auto document = get(message);
        if (!document.ok()) {
            return document.take_error();
        }
        auto report = parse(document.value());
        if (!report.ok()) {
            return report.take_error();
        }
        return Answer<T>{std::move(document.value()), std::move(report.value())};
    }
    template <typename T> Result<Answer<T>> ask(ReportKind kind, Result<T> (*parse)(std::string_view)) {
        ReportGetMessage message;
        message.kind = kind;
        return ask(message, parse);
    }

private:
    ReportClient(Fd socket, const Options &options);

    Fd socket_;
    std::string path_;
    std::string tenant_;
    std::uint64_t timeout_ns_;
};

} // namespace uakv::ctl
