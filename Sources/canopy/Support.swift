import ArgumentParser
import Glibc
import Ground
import Storage
import Topology

/// Reads a topology that the command line names.
enum TopologyArgument {
    /// - Throws: `TopologyFaults` with every fault of the files.
    static func read(_ path: String) throws -> Topology {
        do {
            return try Topology(validating: TopologyFile(at: path, from: FileDisk()))
        } catch let fault as Fault {
            throw Failure(fault)
        }
    }
}

/// Reads scenarios that the command line names.
enum ScenarioArgument {
    /// - Throws: `TopologyFaults` with every fault of the file.
    static func read(_ path: String, for fleet: Topology) throws -> Scenario {
        let file: TopologyFile
        do {
            file = try TopologyFile(at: path, from: FileDisk(), of: .scenario)
        } catch {
            throw Failure(error)
        }
        return try Scenario(validating: file, for: fleet)
    }
}

/// A fault as the command line shows it: message, remedy and causes, exit status 1.
struct Failure: Error, CustomStringConvertible {
    let fault: Fault
    init(_ fault: Fault) { self.fault = fault }
    var description: String { fault.description }
}

/// What is written beside a command's results.
enum Console {
    /// Whether a person looks on, and not a pipe.
    static let isTerminal = isatty(STDOUT_FILENO) == 1

    /// Writes a line to standard error.
    static func error(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

    /// Writes all faults of files.
    static func error(_ faults: TopologyFaults) {
        for fault in faults.faults { error("\(fault)") }
        if faults.omitted > 0 { error("… and \(faults.omitted) more") }
    }

    /// Writes text without a line's end to standard output, at once.
    static func show(_ text: String) { write(text, to: STDOUT_FILENO) }

    /// One system call where the kernel takes it whole, so that lines of several threads do not
    /// mix.
    private static func write(_ text: String, to descriptor: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let taken = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard taken > 0 else { return }
            bytes = bytes.dropFirst(taken)
        }
    }
}

extension String {
    /// The text with blanks behind it up to `width` characters.
    func padding(to width: Int) -> String {
        count >= width ? self : self + String(repeating: " ", count: width - count)
    }

    /// The text with blanks before it up to `width` characters.
    func aligned(to width: Int) -> String {
        count >= width ? self : String(repeating: " ", count: width - count) + self
    }
}

extension Interval {
    /// The length as a person writes it.
    var text: String {
        nanoseconds % 1_000_000_000 == 0
            ? "\(nanoseconds / 1_000_000_000)s" : "\(nanoseconds / 1_000_000)ms"
    }
}

extension JSON {
    /// The value on one line, its members sorted.
    var line: String { String(decoding: canonical, as: UTF8.self) }
}
