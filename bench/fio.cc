#include "fio.h"

#include "failure.h"
#include "machine.h"
#include "server.h"

#include <cstdlib>
#include <fmt/format.h>
#include <sstream>
#include <unistd.h>
#include <vector>

namespace uakv::bench {
namespace {

// The fields of its terse line, version 3, counted from 0: KiB a second.
constexpr unsigned read_bandwidth_field = 6;
constexpr unsigned write_bandwidth_field = 47;

double field_of(const std::string &log, unsigned field) {
    std::istringstream lines(log);
    for (std::string line; std::getline(lines, line);) {
        if (line.rfind("3;", 0) != 0) {
            continue;
        }
        std::istringstream fields(line);
        std::string text;
        for (unsigned i = 0; i <= field && std::getline(fields, text, ';'); ++i) {
        }
        return std::strtod(text.c_str(), nullptr) * 1024;
    }
    return 0;
}

} // namespace

Fio::Fio() : program_(find_program("fio")) {
    if (program_.empty()) {
        throw Failure("the group disk needs fio (Debian package fio), which is not on $PATH");
    }
}

double Fio::run(const FioJob &job, const char *kind, const char *more, unsigned field) const {
    Server fio(program_,
               {"fio", "--name=uakv", "--output-format=terse", "--terse-version=3", "--ioengine=io_uring", "--direct=1",
                "--fixedbufs=1", "--registerfiles=1", "--invalidate=1", "--randrepeat=0",
                fmt::format("--filename={}", job.file), fmt::format("--size={}", job.file_bytes),
                fmt::format("--bs={}", job.block_bytes), fmt::format("--iodepth={}", job.depth),
                fmt::format("--rw={}", kind), more},
               cpus_of_daemon(Beside::all_cpus));
    fio.wait();
    const double rate = field_of(fio.log_text(), field);
    if (rate <= 0) {
        throw Failure(fmt::format("fio said nothing that we understand:\n{}", fio.log_text()));
    }
    return rate;
}

double Fio::write(const FioJob &job) const {
    unlink(job.file.c_str());
    return run(job, "write", "--end_fsync=1", write_bandwidth_field);
}

double Fio::read_random(const FioJob &job) const {
    return run(job, "randread", "--end_fsync=0", read_bandwidth_field);
}

} // namespace uakv::bench
