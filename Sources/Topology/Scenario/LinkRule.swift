public import Ground

/// What is said of a link; `nil` is not said, and stays as it was.
public struct LinkTraits: Hashable, Sendable {
    /// One way, without the time that the bytes themselves take; to 60 s.
    public let latency: Interval?
    /// Mean of what is added to the latency at random; to 60 s.
    public let jitter: Interval?
    /// Share of messages that never arrive.
    public let loss: Double?
    /// Bits per second in each direction, shared by all that passes.
    public let bandwidth: Int?

    init(_ fields: Fields) {
        let minute = Interval.seconds(60)
        latency = fields.value("latency", .interval(.zero...minute))
        jitter = fields.value("jitter", .interval(.zero...minute))
        loss = fields.value("loss", .share())
        bandwidth = fields.value("bandwidth", .bandwidth(1...1_000_000_000_000))
    }
}

/// What the links between two sides are like from the beginning.
///
/// Without a rule a link has half the round trip that geography suggests (20 ms where nobody is
/// located, 0.2 ms within a site), a tenth of it as jitter, no loss and no limit of bandwidth.
public struct LinkRule: Sendable {
    public let between: Sides
    public let traits: LinkTraits

    init?(_ fields: Fields, _ targets: Targets) {
        let between = fields.required("between", .sides(targets))
        traits = LinkTraits(fields)
        fields.finish()
        guard let between else { return nil }
        self.between = between
    }
}

extension Shape<LinkRule> {
    static func linkRule(_ targets: Targets) -> Shape {
        Shape("{ between: [leaf, regional], latency: 20ms }") { entry, name, report in
            LinkRule(Fields(entry, "an item of \(name)", report), targets)
        }
    }
}
