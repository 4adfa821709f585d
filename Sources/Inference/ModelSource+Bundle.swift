public import Bundles
public import Ground

extension ModelSource {
    /// The only way to a model from outside: a bundle whose every byte was checked against its
    /// digest.
    ///
    /// - Throws: `.corrupt` naming the file and the place in it.
    public init(_ bundle: VerifiedBundle) throws(Fault) {
        try self.init(
            id: bundle.id, memory: bundle.memory, hardware: bundle.hardware,
            files: BundleFiles(bundle: bundle),
            recheck: { () throws(Fault) in try bundle.recheckModel() })
    }
}

private struct BundleFiles: ModelFiles {
    let bundle: VerifiedBundle

    func path(_ name: String) -> String? { bundle.path(of: name) }

    func read(_ name: String, limit: Int) throws(Fault) -> [UInt8]? {
        try bundle.contents(of: name, limit: limit)
    }
}
