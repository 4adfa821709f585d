import CanopyClient
import Ground
import Synchronization

/// A camera's stream to the nearest of several nodes, and what its frames were.
final class RoamingStream: Sendable {
    private let report: SendReport
    private let gate: Gate
    private let camera: Int
    private let stream: CameraStream
    private let frames: Frames

    /// Frames without their last outcome, by number.
    private final class Frames: Sendable {
        let open = Mutex<[Int: SentFrame]>([:])
    }

    init(
        _ client: CanopyClient, _ report: SendReport, _ gate: Gate, _ plan: SendPlan, camera: Int
    ) throws(Fault) {
        self.report = report
        self.gate = gate
        self.camera = camera
        let frames = Frames()
        self.frames = frames
        stream = try client.stream(
            "\(plan.name)-\(camera)", task: plan.task, options: plan.roaming ?? StreamOptions()
        ) { outcome in
            let sent = frames.open.withLock { open in
                outcome.isLast
                    ? open.removeValue(forKey: outcome.sequence) : open[outcome.sequence]
            }
            guard let sent else { return }
            report.add(sent, outcome)
            if outcome.isLast { gate.leave() }
        }
    }

    /// Sends a frame. One that the buffer does not take is reported here.
    ///
    /// - Parameter number: of the frames that were offered, those not taken among them.
    func send(_ source: SourceFrame, _ frame: Frame, number: Int) {
        let refused: Fault? = frames.open.withLock { open in
            do throws(Fault) {
                // Under the lock, so that its outcome finds it.
                let sequence = try stream.send(frame)
                open[sequence] = SentFrame(source, camera: camera, sequence: sequence)
                return nil
            } catch {
                return error
            }
        }
        guard let refused else { return }
        let sent = SentFrame(source, camera: camera, sequence: number)
        report.reject(sent, refused)
        gate.leave()
    }

    func finish() { stream.finish() }
}
