extension Admission {
    /// Places that a class can count on, whatever the others do.
    public func guaranteed(_ workClass: WorkClass) -> Int {
        max(1, limit.places * settings.shares[workClass] / 100)
    }

    /// Whether a class has fewer places than it can count on. It gets them also when those who took
    /// them run and cannot give way: for that moment there are a few places more.
    func isOwed(_ workClass: WorkClass) -> Bool { held(by: workClass) < guaranteed(workClass) }

    /// Who gives way to `claim`, as an index into `waiting`; `nil` when the claim itself is the one
    /// to refuse.
    func victim(for claim: Claim) -> Int? {
        let own = claim.workClass
        let isOwed = isOwed(own)
        for other in WorkClass.allCases.reversed() where other != own {
            guard other < own || isOwed, held(by: other) > guaranteed(other) else { continue }
            if let index = newest(of: loudest(in: other), in: other) { return index }
        }
        let loudest = loudest(in: own)
        guard let loudest, count(of: loudest, in: own) > count(of: claim.source, in: own) + 1
        else { return nil }
        return newest(of: loudest, in: own)
    }

    /// The source that has the most frames of a class waiting; the lower index among equals.
    private func loudest(in workClass: WorkClass) -> Int? {
        var best: (source: Int, count: Int)?
        for entry in waiting where entry.claim.workClass == workClass {
            let source = entry.claim.source
            if best?.source == source { continue }
            let count = count(of: source, in: workClass)
            guard let held = best else {
                best = (source, count)
                continue
            }
            if count > held.count || (count == held.count && source < held.source) {
                best = (source, count)
            }
        }
        return best?.source
    }

    private func count(of source: Int, in workClass: WorkClass) -> Int {
        waiting.count { $0.claim.workClass == workClass && $0.claim.source == source }
    }

    private func newest(of source: Int?, in workClass: WorkClass) -> Int? {
        var best: Int?
        for index in waiting.indices {
            let entry = waiting[index]
            guard entry.claim.workClass == workClass, entry.claim.source == source else {
                continue
            }
            if let held = best, waiting[held].number > entry.number { continue }
            best = index
        }
        return best
    }
}
