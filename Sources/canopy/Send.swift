public import ArgumentParser
import CanopyClient
import Cryptography
import Ground
public import Routing
import Storage
import Topology
import Wire

/// `canopy send`: frames to a node, answers to the terminal.
struct Send: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Send pictures, sensor rows or a video to a node and show its answers.",
        discussion: """
            Pictures come from files and folders, rows from a CSV file, frames of a video from
            everything that ffmpeg reads: a file, a camera such as /dev/video0, an rtsp:// address.
            Frames are dealt to --streams cameras; each sends --rate frames a second, whether
            answers have come or not, or as fast as answers come without it.

              canopy send --to 127.0.0.1:8480 --plain --task meter-digits --image frames/
              canopy send --topology Topology/demo.yaml --node leaf --as camera \\
                --task meter-digits --image frames/ --streams 4 --rate 30 --mode refine
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

    @Option(help: "At most this many frames in all.")
    var limit: Int?

    @Option(help: "wait: one answer. refine: the leaf's at once, a better one later.")
    var mode: Routing.Mode = .wait

    @Option(name: .customLong("class"), help: "realtime, standard, batch or sync.")
    var workClass: WorkClass = .realtime

    @Option(help: "Confidence from which on an answer is accepted, instead of the task's.")
    var accept: Double?

    @Option(help: "How long an answer may take, in milliseconds.")
    var timeout = 1_000

    @Flag(help: "Print one JSON object a frame and one for the summary.")
    var json = false

    func validate() throws {
        guard (image.isEmpty ? 0 : 1) + (csv == nil ? 0 : 1) + (video == nil ? 0 : 1) == 1 else {
            throw ValidationError("give one of --image, --csv and --video")
        }
        guard (1...256).contains(streams) else {
            throw ValidationError("--streams must be from 1 to 256")
        }
        if let rate, !(rate > 0 && rate <= 10_000) {
            throw ValidationError("--rate must be above 0 and at most 10000")
        }
        guard (1...60_000).contains(timeout) else {
            throw ValidationError("--timeout must be from 1 to 60000 milliseconds")
        }
        if let accept, !(0...1).contains(accept) {
            throw ValidationError("--accept must be from 0 to 1")
        }
    }

    func run() async throws {
        let client: CanopyClient
        let source: any FrameSource
        do throws(Fault) {
            client = try target.connect()
            source = try await makeSource(client)
        } catch {
            throw Failure(error)
        }
        let report = SendReport(json: json)
        let sender = Sender(
            client, report: report,
            plan: SendPlan(
                task: task, streams: streams, rate: rate, mode: mode, workClass: workClass,
                accept: accept, timeout: .milliseconds(Int64(timeout)), limit: limit ?? .max))
        do throws(Fault) {
            try await sender.send(source)
        } catch {
            throw Failure(error)
        }
        report.finish(await client.traffic())
        client.close()
        if report.answers == 0 { throw ExitCode.failure }
    }

    private func makeSource(_ client: CanopyClient) async throws(Fault) -> any FrameSource {
        if let csv {
            return try SeriesSource(csv, input: await client.input(of: task))
        }
        // A node that only hands the task on does not know the input: then the usual name.
        let input = try? await client.input(of: task).name
        if let video { return try VideoSource(video, input: input ?? "image") }
        return try PictureSource(image, input: input ?? "image")
    }
}

/// Which node, and who is asking.
struct Target: ParsableArguments {
    @Option(help: "A topology that names the node, instead of --to.")
    var topology: String?

    @Option(help: "Name of the node in the topology; also whose certificate is expected with --to.")
    var node = "leaf"

    @Option(help: "Address of the node, as host:port.")
    var to: String?

    @Flag(help: "Plain text, for a node on this machine.")
    var plain = false

    @Option(name: .customLong("as"), help: "Whose certificate to show: NAME.pem and NAME.key.")
    var identity: String?

    @Option(help: "Folder of the certificates, with ca.pem in it.")
    var certificates: String?

    func connect() throws(Fault) -> CanopyClient {
        var folder = certificates ?? "certificates"
        var endpoint = to.flatMap(Endpoint.init)
        if let topology {
            let fleet = try read(topology)
            guard let plan = fleet.node(named: node) else {
                throw Fault(.notFound, "the topology has no node '\(node)'")
            }
            endpoint = endpoint ?? plan.address
            folder = certificates ?? fleet.trust.certificates
        }
        guard let endpoint else {
            throw Fault(
                .invalid, "no node to send to",
                remedy: "give --to HOST:PORT, or --topology FILE and --node NAME")
        }
        if plain { return try CanopyClient(node: endpoint, security: .plain) }
        let disk = FileDisk()
        let trust = try disk.read(folder + "/ca.pem", limit: 1 << 20)
        var credentials: TLSCredentials?
        if let identity {
            credentials = try CredentialFiles(folder: folder, name: identity).load(from: disk)
        }
        return try CanopyClient(
            node: endpoint,
            security: .tls(trust: trust, credentials: credentials, expecting: .node(node)))
    }

    private func read(_ path: String) throws(Fault) -> Topology {
        do {
            return try Topology(validating: TopologyFile(at: path, from: FileDisk()))
        } catch let faults as TopologyFaults {
            throw faults.fault
        } catch {
            throw error as? Fault ?? Fault(.inner, "\(error)")
        }
    }
}

extension Routing.Mode: ExpressibleByArgument {}
extension WorkClass: ExpressibleByArgument {}
