// fio, the limit that the disk tier is measured against: io_uring, O_DIRECT, registered buffers and files, one job.
#pragma once

#include <cstdint>
#include <string>

namespace uakv::bench {

struct FioJob {
    std::string file; // made, and written to its end, by the first write job
    std::uint64_t file_bytes = 0;
    std::uint64_t block_bytes = 0;
    unsigned depth = 1;
};

class Fio {
public:
    // Throws where there is none on $PATH.
    Fio();

    // Bytes a second. Each job moves file_bytes.
    double write(const FioJob &job) const;       // one block after another into a new file, made durable at the end
    double read_random(const FioJob &job) const; // each block of the file once

private:
    double run(const FioJob &job, const char *kind, const char *more, unsigned field) const;

    std::string program_;
};

} // namespace uakv::bench
