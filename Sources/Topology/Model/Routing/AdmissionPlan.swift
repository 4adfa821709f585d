/// Who is let in when a node cannot take everybody, and who waits.
public struct AdmissionPlan: Hashable, Sendable {
    public var shares = ClassShares()
    /// Frames of all classes that wait for a worker or have one, at most at a time, 4 to 65,536;
    /// loops share them evenly. How many it is at a moment follows from how quick the work is.
    /// Default 512: half a second of a hundred cameras at 10 FPS.
    public var places = 512
    /// What tenants may have in the node at a time, by name. Default none is named: then only
    /// turns are shared fairly.
    public var tenants: [TenantLimit] = []
    /// Frames that one leaf may have in the node at a time, waiting ones among them, 1 to 65,536;
    /// `nil` (default) bounds none: turns are shared fairly between leaves anyway.
    public var leafFrames: Int?

    /// The defaults.
    public init() {}

    /// What `fields` say, and `base` where they say nothing. A tenant that both name has the limit
    /// of `fields`.
    init(_ fields: Fields, over base: AdmissionPlan) {
        shares = ClassShares(fields.fields("shares"), over: base.shares)
        // 4: one that runs and one that waits for it, and as many of another class.
        places = fields.value("places", .count(4...65_536), or: base.places)
        leafFrames = fields.value("leaf_frames", .count(1...65_536)) ?? base.leafFrames
        let named = fields.named("tenants", "tenant").compactMap(TenantLimit.init)
        fields.finish()
        let own = Set(named.map(\.tenant))
        tenants = (base.tenants.filter { !own.contains($0.tenant) } + named)
            .sorted { $0.tenant < $1.tenant }
    }

    /// Frames that a tenant may have in the node at a time; `nil` bounds none.
    public func frames(of tenant: String) -> Int? {
        tenants.first { $0.tenant == tenant }?.frames
    }
}

/// Percent of a node's capacity that each class is sure of; together 100. What a class does not
/// use the others take. Defaults 50/30/15/5: whoever waits at a camera first, and nobody starves.
public struct ClassShares: Hashable, Sendable {
    public var realtime = 50
    public var standard = 30
    public var batch = 15
    public var sync = 5

    /// The defaults.
    public init() {}

    init(_ fields: Fields, over base: ClassShares) {
        // At least 1: a class without a share could wait for ever.
        let share = Shape<Int>.percent(1...97)
        realtime = fields.value("realtime", share, or: base.realtime)
        standard = fields.value("standard", share, or: base.standard)
        batch = fields.value("batch", share, or: base.batch)
        sync = fields.value("sync", share, or: base.sync)
        fields.finish()
        let sum = realtime + standard + batch + sync
        guard sum != 100, !fields.isEmpty else { return }
        fields.report.add(
            fields.place,
            "\(fields.subject) add up to \(sum)%: realtime \(realtime)%, standard \(standard)%,"
                + " batch \(batch)%, sync \(sync)%", "give shares that add up to 100%")
    }
}

/// What one tenant may have in a node at a time.
public struct TenantLimit: Hashable, Sendable {
    public let tenant: String
    /// Frames, waiting ones among them, 1 to 65,536.
    public let frames: Int

    /// `nil` when the number cannot be read; that is reported.
    init?(_ tenant: String, _ place: Place, _ fields: Fields) {
        self.tenant = tenant
        let frames = fields.required("frames", .count(1...65_536))
        fields.finish()
        guard let frames else { return nil }
        self.frames = frames
    }
}
