public import Ground
internal import Storage

/// What a training set is made of.
public struct DatasetSettings: Equatable, Sendable {
    public enum Format: String, CaseIterable, Sendable {
        /// Tar shards, as WebDataset reads them.
        case shards = "webdataset"
        /// Pictures in a folder, and a line of JSON for each.
        case folder = "imagefolder"
    }

    public var format = Format.shards
    /// Only this task's frames; all when empty.
    public var task = ""
    /// Bytes of all samples; past it those go that teach least.
    public var quota = 1 << 30
    /// Bytes of one shard: it is put together in memory.
    public var shardBytes = 64 << 20

    public init() {}
}

/// What came of an export.
public struct DatasetReport: Equatable, Sendable {
    /// Of samples and labels: two exports of the same have the same.
    public var version: Digest
    public var samples: Int
    public var bytes: Int
    public var files: [String]
    /// Frames that were left out, by reason.
    public var leftOut = LeftOut()

    public struct LeftOut: Equatable, Sendable {
        /// The same inputs were there already.
        public var duplicates = 0
        public var overQuota = 0
        /// Nobody above the leaf answered, and nobody gave a label.
        public var unlabelled = 0
        /// The request is gone, damaged, or cannot be taken apart.
        public var unreadable = 0
    }
}

/// Chooses what a training set is made of: escalated frames, each content once, within a quota. The
/// same store gives the same set, byte for byte.
struct DatasetSelection {
    /// Frames that are looked at: their facts are held in memory, some 500 bytes each.
    static let frameLimit = 1_000_000

    private(set) var samples: [TrainingSample] = []
    private(set) var leftOut = DatasetReport.LeftOut()

    init(
        _ archive: RecordArchive, _ settings: DatasetSettings, _ reader: FrameReader
    ) throws(Fault) {
        var chosen: [Digest: TrainingSample] = [:]
        var looked = 0
        var leftOut = DatasetReport.LeftOut()
        try archive.eachFrame { frame throws(Fault) in
            guard let task = frame.answers.first?.answer.task,
                settings.task.isEmpty || settings.task == task
            else { return }
            looked += 1
            guard looked <= Self.frameLimit else {
                throw Fault(
                    .exhausted, "the store has more than \(Self.frameLimit) frames to choose from",
                    remedy: "export one task at a time (--task)")
            }
            guard let parts = try? reader(archive.payload(frame.payload)) else {
                leftOut.unreadable += 1
                return
            }
            guard let sample = TrainingSample(frame, parts) else {
                leftOut.unlabelled += 1
                return
            }
            if let known = chosen[sample.content] {
                leftOut.duplicates += 1
                guard sample.outranks(known) else { return }
            }
            chosen[sample.content] = sample
        }
        // Sorted at once: the order of a dictionary reaches nothing.
        let ranked = chosen.values.sorted { $0.teachesMore(than: $1) }
        var room = settings.quota
        for sample in ranked {
            if sample.bytes <= room {
                room -= sample.bytes
                samples.append(sample)
            } else {
                leftOut.overQuota += 1
            }
        }
        samples.sort { $0.content < $1.content }
        self.leftOut = leftOut
    }
}
