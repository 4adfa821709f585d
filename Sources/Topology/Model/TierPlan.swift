public import Ground

/// What one tier does for a task.
public struct TierPlan: Sendable {
    public let tier: Tier
    public let model: Model
    /// From which confidence on an answer is final; `nil` only on the last tier, where all are.
    public let accept: Acceptance?
    /// Where a bundle runs. Default in the node's process, which costs nothing: a bundle that is
    /// named here was tried before. `isolated` is for one that is not trusted as far.
    public let engine: Engine
    /// Where the model is named.
    public let place: Place

    /// Where a bundle runs.
    public enum Engine: String, CaseIterable, Sendable {
        case inProcess = "in-process"
        /// In a supervised process of its own, whose end costs this model alone.
        case isolated
    }

    /// Which model answers.
    public enum Model: Hashable, Sendable {
        /// A bundle, by the digest of its manifest.
        case bundle(Digest)
        /// A model of a foreign server, by the name that it has there.
        case foreign(String)
        /// None: the frame's own inputs are the answer. For trying out wires and for measurements.
        case identity
    }

    /// Answers that need no bundle.
    public enum Builtin: String, CaseIterable, Sendable {
        case identity
    }

    /// When an answer is good enough.
    public enum Acceptance: Hashable, Sendable {
        /// A calibrated confidence of at least this, 0 to 1.
        case confidence(Double)
        /// At most `risk` of what is accepted is wrong, and that holds with probability
        /// `confidence`; the bar is found on the bundle's calibration scores.
        case risk(Double, confidence: Double)
    }

    /// `nil` when the model cannot be known; that is reported.
    init?(_ tier: Tier, _ fields: Fields, isLast: Bool) {
        self.tier = tier
        let sources = ["bundle", "model", "builtin"].filter(fields.has)
        place = fields.place(of: sources.first ?? "bundle")
        let bundle = fields.value("bundle", .bundle)
        let foreign = fields.value("model", .text("the model's name at the foreign server"))
        let builtin: Builtin? = fields.value("builtin", .word)
        accept = fields.value("accept", .acceptance)
        engine = fields.value("engine", .word, or: .inProcess)
        if !fields.has("bundle") {
            fields.refuse(["engine"], "only a bundle has an engine here")
        }
        fields.finish()
        if sources.count > 1 {
            fields.report.add(
                fields.place(of: sources[1]),
                "\(fields.subject) names a \(sources[0]) and a \(sources[1])",
                "keep `bundle` for Canopy nodes, or `model` for open-inference nodes")
        }
        if sources.isEmpty && fields.isReadable {
            fields.report.add(
                fields.place, "\(fields.subject) names no model",
                "give `bundle: sha256:…` (`canopy model inspect FOLDER` prints it)")
        }
        if !isLast && !fields.has("accept") && fields.isReadable {
            fields.report.add(
                fields.place, "\(fields.subject) does not say when its answer is good enough",
                "give `accept: 0.8`, or `accept: { risk: 1%, confidence: 95% }`")
        }
        if foreign != nil, case .risk = accept {
            fields.report.add(
                fields.place(of: "accept"),
                "\(fields.subject) bounds a risk, which needs a bundle's calibration scores",
                "give a number for a foreign model: `accept: 0.8`")
        }
        if let bundle {
            model = .bundle(bundle)
        } else if let foreign {
            model = .foreign(foreign)
        } else if builtin != nil {
            model = .identity
        } else {
            return nil
        }
    }
}

extension Shape<TierPlan.Acceptance> {
    static var acceptance: Shape {
        Shape("a confidence such as 0.8, or { risk: 1%, confidence: 95% }") { entry, name, report in
            guard case .map = entry.content else {
                return Shape<Double>.share().read(entry, name, report).map { .confidence($0) }
            }
            let fields = Fields(entry, name, report)
            // A risk of a half is a coin; one in a million needs millions of scores.
            let risk = fields.required("risk", .share(0.000_001...0.5))
            let confidence = fields.value("confidence", .share(0.5...0.9999), or: 0.95)
            fields.finish()
            return risk.map { .risk($0, confidence: confidence) }
        }
    }
}

/// How much a task may ask of higher tiers.
public struct Escalation: Hashable, Sendable {
    /// Share of frames that may go up, audits among them. Default 100 %: nothing is held back that
    /// nobody asked to hold back.
    public let share: Double
    /// Bits per second that may go up; `nil` (default) does not bound it.
    public let bandwidth: Int?
    /// Over how long share and bandwidth may be saved up, 1 s to 10 min. Default 10 s: one event at
    /// a gate, not a night's savings at once.
    public let burst: Interval
    /// Share of confident answers that are also asked upstream, to measure the tier's accuracy.
    /// Default none.
    public let audit: Double

    init(_ fields: Fields) {
        share = fields.value("share", .share(), or: 1)
        bandwidth = fields.value("bandwidth", .bandwidth(1000...1_000_000_000_000))
        burst = fields.value("burst", .interval(.seconds(1)...(.seconds(600))), or: .seconds(10))
        audit = fields.value("audit", .share(), or: 0)
        fields.finish()
        if audit > share {
            fields.report.add(
                fields.place(of: "audit"),
                "\(fields.subject) audits \(Units.text(share: audit)) of frames but escalates at"
                    + " most \(Units.text(share: share))",
                "give an audit of at most the share")
        }
    }
}

/// Which answers are reported at once.
public struct AlertPlan: Hashable, Sendable {
    /// Labels, in the file's order, each once.
    public let labels: [String]
    /// From which confidence on, 0 to 1.
    public let at: Double
    /// Who is told; default the log.
    public var to: [String] { targets.map(\.name) }
    let targets: [AlertTarget]

    /// `nil` when something of it is missing or not readable; that is reported.
    init?(_ fields: Fields) {
        let labels = fields.required("labels", .list(of: .text("a label of the model")))
        let at = fields.required("at", .share())
        let to = fields.value("to", .list(of: .name))
        fields.finish()
        var seen: Set<String> = []
        for label in labels ?? [] where !seen.insert(label.value).inserted {
            fields.report.add(
                label.place, "label \(quoted(label.value)) is listed twice", "keep one of the two")
        }
        guard let labels, let at else { return nil }
        self.labels = labels.map(\.value)
        self.at = at
        targets = OperatorAlertPlan.targets(to, at: fields.place)
    }
}
