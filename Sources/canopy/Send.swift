public import ArgumentParser
import CanopyClient
import Ground
public import Routing
import Wire

/// `canopy send`: frames to a node, answers to the terminal.
struct Send: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Send pictures, sensor rows or a video to a node and show its answers.",
        discussion: """
            Pictures come from files and folders, rows from a CSV file, frames of a video from \
            everything that ffmpeg reads: a file, a camera such as /dev/video0, an rtsp:// \
            address. Frames are dealt to --streams cameras; each sends --rate frames a second, \
            whether answers have come or not, or as fast as answers come without it.

              canopy send --to 127.0.0.1:8480 --plain --task meter-digits --image frames/
              canopy send --topology Topology/demo.yaml --node leaf --as camera \\
                --task meter-digits --image frames/ --streams 4 --rate 30 --mode refine

            Given several nodes (--node or --to again and again), or one as --seed that names its \
            neighbours, frames go to the nearest of them and follow it when it changes; what a \
            lost node did not answer is sent again, and while none answers frames wait in a \
            buffer.

              canopy send --topology shop.yaml --node till --node office --as camera \\
                --task meter-digits --image frames/ --streams 4 --rate 30
              canopy send --seed 10.0.0.5:8443 --as camera --task meter-digits \\
                --video /dev/video0
            """)

    @Option(help: "Task of the frames.")
    var task: String

    @Option(help: "Pictures, or folders of them; may be repeated.")
    var image: [String] = []

    @Option(help: "A CSV file with one series a line; one column more than needed is its label.")
    var csv: String?

    @Option(help: "A video file, a camera or an address that ffmpeg reads.")
    var video: String?

    @OptionGroup var target: Target

    @Option(help: "Frames a second of each stream.")
    var rate: Double?

    @Option(help: "Cameras that send at the same time.")
    var streams = 1

    @Option(help: "What they are called: NAME-1, NAME-2 and so on.")
    var name = "camera"

    @Option(help: "At most this many frames in all.")
    var limit: Int?

    @Flag(
        name: .customLong("repeat"),
        help: "Begin again with the first picture after the last, until --limit.")
    var repeats = false

    @Option(help: "wait: one answer. refine: the leaf's at once, a better one later.")
    var mode: Routing.Mode = .wait

    @Option(name: .customLong("class"), help: "realtime, standard, batch or sync.")
    var workClass: WorkClass = .realtime

    @Option(help: "Confidence from which on an answer is accepted, instead of the task's.")
    var accept: Double?

    @Option(help: "How long an answer may take, in milliseconds.")
    var timeout = 1_000

    @Option(help: "With several nodes: frames that each stream keeps without an answer.")
    var buffer = StreamOptions().frames

    @Option(help: "What a full buffer drops: the oldest, the newest, or it may reject frames.")
    var drop: DropRule = .oldest

    @Flag(help: "Print one JSON object a frame and one for the summary.")
    var json = false

    func validate() throws {
        guard (image.isEmpty ? 0 : 1) + (csv == nil ? 0 : 1) + (video == nil ? 0 : 1) == 1 else {
            throw ValidationError("give one of --image, --csv and --video")
        }
        guard !repeats || (!image.isEmpty && limit != nil) else {
            throw ValidationError("--repeat goes with --image and --limit")
        }
        guard (1...256).contains(streams) else {
            throw ValidationError("--streams must be from 1 to 256")
        }
        guard !name.isEmpty else { throw ValidationError("--name must not be empty") }
        if let rate, !(rate > 0 && rate <= 10_000) {
            throw ValidationError("--rate must be above 0 and at most 10000")
        }
        guard (1...60_000).contains(timeout) else {
            throw ValidationError("--timeout must be from 1 to 60000 milliseconds")
        }
        guard (1...1_000_000).contains(buffer) else {
            throw ValidationError("--buffer must be from 1 to 1000000 frames")
        }
        if let accept, !(0...1).contains(accept) {
            throw ValidationError("--accept must be from 0 to 1")
        }
    }

    func run() async throws {
        let client: CanopyClient
        let source: any FrameSource
        let report = SendReport(json: json, cameras: target.roams ? streams : nil)
        do throws(Fault) {
            client = try target.connect(cameras: streams)
            if target.roams { client.onMove { report.moved($0) } }
            source = try await makeSource(client)
        } catch {
            throw Failure(error)
        }
        let sender = Sender(client, report: report, plan: plan)
        do throws(Fault) {
            try await sender.send(source)
        } catch {
            throw Failure(error)
        }
        report.finish(await client.traffic(), await client.status()?.counts)
        client.close()
        if report.answers == 0 { throw ExitCode.failure }
    }

    private var plan: SendPlan {
        var options: StreamOptions?
        if target.roams {
            options = StreamOptions()
            options?.frames = buffer
            options?.whenFull = drop
        }
        return SendPlan(
            task: task, streams: streams, name: name, rate: rate, mode: mode, workClass: workClass,
            accept: accept, timeout: .milliseconds(Int64(timeout)), limit: limit ?? .max,
            roaming: options)
    }

    private func makeSource(_ client: CanopyClient) async throws(Fault) -> any FrameSource {
        if let csv {
            return try SeriesSource(csv, input: await client.input(of: task))
        }
        // A node that only hands the task on does not know the input: then the usual name.
        let input = try? await client.input(of: task).name
        if let video { return try VideoSource(video, input: input ?? "image") }
        return try PictureSource(image, input: input ?? "image", repeats: repeats)
    }
}

extension Routing.Mode: ExpressibleByArgument {}
extension WorkClass: ExpressibleByArgument {}
extension DropRule: ExpressibleByArgument {}
