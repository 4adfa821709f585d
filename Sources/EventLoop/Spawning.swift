internal import CLinux
internal import Glibc
internal import Ground

/// One output of a child that is being started: a pipe, or a descriptor that it inherits.
struct OutputEnd {
    /// What the child gets; negative for /dev/null.
    let childEnd: Int32
    private let ownEnd: Int32
    private let received: ((UnsafeRawBufferPointer) -> Void)?
    private let lines: LineBuffer?

    init(_ output: ChildOutput, inherited: Int32, doing: String) throws(Fault) {
        switch output {
        case .discarded: (childEnd, ownEnd, received, lines) = (-1, -1, nil, nil)
        case .inherited: (childEnd, ownEnd, received, lines) = (inherited, -1, nil, nil)
        case .bytes(let body):
            (ownEnd, childEnd) = try Self.makePipe(doing)
            (received, lines) = (body, nil)
        case .lines(let body):
            (ownEnd, childEnd) = try Self.makePipe(doing)
            let buffer = LineBuffer(body)
            (received, lines) = (buffer.take, buffer)
        }
    }

    func closeChildEnd() {
        if ownEnd >= 0 { close(childEnd) }
    }

    func closeOwnEnd() {
        if ownEnd >= 0 { close(ownEnd) }
    }

    /// Starts reading; `nil` when there is nothing to read.
    func read(on loop: Loop, ended: @escaping () -> Void) -> InputPipe? {
        guard let received else { return nil }
        // A pipe that was just made can be opened; were it not so, the child would run unheard.
        return try? InputPipe(
            ownEnd, on: loop, received: received,
            ended: {
                lines?.end()
                ended()
            })
    }

    private static func makePipe(_ doing: String) throws(Fault) -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        guard canopy_pipe(&ends) == 0 else { throw Fault.errno(doing) }
        return (ends[0], ends[1])
    }
}

/// Hands a command to the kernel.
enum Spawning {
    /// The child's pid, or a negative errno.
    static func start(
        _ command: Command, descriptors: [Int32], exited: inout Int32
    ) -> Int32 {
        withStrings([command.program] + command.arguments) { arguments in
            let pairs = command.environment?.sorted { $0.key < $1.key }.map { "\($0)=\($1)" }
            return withStrings(pairs ?? []) { variables in
                canopy_spawn(
                    command.program, arguments, pairs == nil ? environ : variables,
                    command.folder, descriptors, Int32(descriptors.count), &exited)
            }
        }
    }

    /// The strings as C wants them: an array of pointers that ends with a null pointer.
    private static func withStrings<R>(
        _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> R
    ) -> R {
        var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        return pointers.withUnsafeMutableBufferPointer { body($0.baseAddress!) }
    }
}
