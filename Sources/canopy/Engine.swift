import ArgumentParser
import EventLoop
import Glibc
import Ground
import Inference

/// `canopy engine`: the process of an isolated engine. A node starts it; nobody else does.
struct Engine: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a model for the node that started this process.", shouldDisplay: false)

    func run() throws {
        do throws(Fault) {
            try EngineChild.serve(isProcess: true, time: MonotonicTime())
        } catch {
            Console.error("\(error)")
            _exit(1)
        }
        // At once: what the runtime would tidy up, the kernel does.
        _exit(0)
    }
}
