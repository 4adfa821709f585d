import Glibc
import Ground
import Storage
import Topology

extension SecretPlace {
    /// Largest file of a secret: tokens have some hundred bytes.
    private static let limit = 16 << 10

    /// The secret as it is now: the first line of the file, or the variable. Blocks.
    ///
    /// - Throws: when it is not there or is no single line of text.
    func read() throws(Fault) -> String {
        switch self {
        case .file(let path):
            let bytes = try FileDisk().read(path, limit: Self.limit)
            let line = bytes.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
            return try checked(String(decoding: line, as: UTF8.self), "the first line of \(path)")
        case .environment(let name):
            guard let value = getenv(name) else {
                throw Fault(
                    .notFound, "the environment has no variable \(name)",
                    remedy: "set it where the node is started")
            }
            return try checked(String(cString: value), "the variable \(name)")
        }
    }

    private func checked(_ text: String, _ what: String) throws(Fault) -> String {
        guard !text.isEmpty, text.unicodeScalars.allSatisfy({ $0.value >= 0x20 }) else {
            throw Fault(
                .invalid, "\(what) is empty or holds control characters",
                remedy: "put the secret there, on one line")
        }
        return text
    }
}
