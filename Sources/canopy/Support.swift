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
    static func error(_ text: String) { fputs(text + "\n", stderr) }
}

/// Text as JSON.
enum JSONText {
    static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case _ where scalar.value < 0x20:
                let hex = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
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
