import Glibc

/// The machine that the simulator runs on.
enum Machine {
    static var cores: Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

    static let isTerminal = isatty(STDERR_FILENO) == 1

    /// Writes to standard error, at once.
    static func show(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let taken = bytes.withUnsafeBytes {
                Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count)
            }
            guard taken > 0 else { return }
            bytes = bytes.dropFirst(taken)
        }
    }

    /// The most memory that this process had at a time, in bytes.
    static var peakMemory: Int {
        var usage = rusage()
        // RUSAGE_SELF, which is imported as an enumeration that the call does not take.
        getrusage(0, &usage)
        return usage.ru_maxrss * 1024
    }

    /// Seconds of processor time that this process has used.
    static var processorTime: Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
