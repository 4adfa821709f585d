import Ground
import Routing

/// What callers are told when there is no answer, in one place.
enum Refusals {
    static let draining = Fault(
        .unavailable, "this node drains and takes no new frames",
        remedy: "send the frame to another node", retry: .elsewhere)

    static let tooManyFrames = Fault(
        .exhausted, "this node has as many frames under way as it may",
        remedy: "send fewer at a time, or later", retry: .after(.milliseconds(100)))

    static let unreadableAnswer = Fault(
        .corrupt, "the node upstream sent an answer that cannot be read", source: .peer,
        retry: .elsewhere)

    static func queueFull(_ task: String, waiting: Int) -> Fault {
        Fault(
            .exhausted, "\(waiting) frames wait for the model of '\(task)', as many as may",
            remedy: "send fewer at a time, or later", retry: .after(.milliseconds(100)))
    }

    static func unknownTask(_ name: String, known: [String]) -> Fault {
        Fault(
            .notFound, "there is no task '\(name)' on this node", source: .client,
            remedy: known.isEmpty
                ? "add it under `tasks:` in the topology"
                : "it has \(known.prefix(namedTasks).map { "'\($0)'" }.joined(separator: ", "))"
                    + (known.count > namedTasks ? " and \(known.count - namedTasks) more" : ""))
    }

    /// Tasks that a message lists: as many as a person reads.
    private static let namedTasks = 12

    /// The words for a journey's refusal: those of whoever refused where there are any.
    static func fault(_ refusal: Refusal, frame: Frame, task: TaskRuntime) -> Fault {
        switch refusal {
        case .invalid:
            return frame.fault
                ?? Fault(.invalid, "the input of '\(task.name)' is not valid", source: .client)
        case .deadline:
            return Fault(
                .deadline, "no answer for '\(task.name)' within the frame's time",
                remedy: "allow more time, or a task with a faster model")
        case .overload:
            if let fault = frame.fault, fault.code == .exhausted { return fault }
            return Fault(
                .exhausted, "there is no room for this frame of '\(task.name)' here or upstream",
                remedy: "send fewer at a time, or later", retry: .after(.milliseconds(100)))
        case .quota:
            return Fault(
                .exhausted, "as many frames of this sender are under way as it may have",
                remedy: "await answers before sending more", retry: .after(.milliseconds(100)))
        case .unavailable:
            return Fault(
                .unavailable,
                "the model of '\(task.name)' \(model(of: task)) here, and no node upstream answers",
                remedy: "see /ready and the log of this node", retry: .after(.seconds(1)),
                cause: frame.fault)
        case .localOnly:
            return Fault(
                .unavailable,
                "the model of '\(task.name)' \(model(of: task)) here, and its payload may not leave"
                    + " the site",
                remedy: "see /ready and the log of this node", retry: .after(.seconds(1)),
                cause: frame.fault)
        }
    }

    private static func model(of task: TaskRuntime) -> String {
        task.model == nil ? "is not loaded" : "gave no answer"
    }
}
