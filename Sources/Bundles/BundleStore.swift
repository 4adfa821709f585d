public import Ground

/// The bundles that lie on this machine: one or more folders, each of which holds bundle folders.
///
/// Calls read the disk and block.
public struct BundleStore: Sendable {
    /// One bundle folder, by what its index says; it has not been verified.
    public struct Entry: Sendable {
        public let id: Digest
        public let folder: String
    }

    /// What was found.
    public struct Listing: Sendable {
        /// In the order of the store's folders, then by name; an id may come twice.
        public var entries: [Entry] = []
        /// Folders that should hold a bundle and do not.
        public var faults: [Fault] = []
    }

    /// Most bundle folders of one store folder: a regional node keeps some hundreds.
    public static let limit = 10_000

    public let folders: [String]
    private let disk: any ContentDisk

    /// Folders are searched in this order. One that is a bundle itself counts as one.
    public init(folders: [String], disk: any ContentDisk) {
        self.folders = folders
        self.disk = disk
    }

    /// All bundles, by reading each one's index only. A missing store folder is a fault.
    public func list() throws(Fault) -> Listing {
        var listing = Listing()
        for folder in folders {
            if isBundle(folder) {
                add(folder, to: &listing)
                continue
            }
            let names = try disk.list(folder)
            guard names.count <= Self.limit else {
                throw Fault(
                    .exhausted,
                    "\(folder) holds \(names.count) names, at most \(Self.limit) are "
                        + "searched for bundles",
                    remedy: "remove bundles that are no longer used")
            }
            for name in names where !name.hasPrefix(".") && isBundle("\(folder)/\(name)") {
                add("\(folder)/\(name)", to: &listing)
            }
        }
        return listing
    }

    /// The verified bundle `id`. When a first copy is damaged, another one of the store is tried.
    public func open(_ id: Digest) throws(Fault) -> VerifiedBundle {
        let listing = try list()
        var damage: Fault?
        for entry in listing.entries where entry.id == id {
            do throws(Fault) {
                return try VerifiedBundle(verifying: entry.folder, expecting: id, on: disk)
            } catch {
                damage = damage ?? error
            }
        }
        if let damage { throw damage }
        let there = listing.entries.map { "\($0.id.short) (\($0.folder))" }
        throw Fault(
            .notFound, "no bundle \(id) in \(folders.joined(separator: ", "))",
            remedy: there.isEmpty
                ? "there is none at all; pack or fetch one"
                : "there are " + there.prefix(20).joined(separator: ", "),
            cause: listing.faults.first)
    }

    /// Bundles that a person means by `text`: an id, at least 12 of its hexadecimal digits, or the
    /// name of a bundle's folder.
    public func find(_ text: String) throws(Fault) -> [Entry] {
        let digits = text.hasPrefix("sha256:") ? text.dropFirst(7) : text[...]
        return try list().entries.filter { entry in
            entry.id.hex == digits || entry.folder.split(separator: "/").last == text[...]
                || digits.count >= 12 && entry.id.hex.hasPrefix(digits)
        }
    }

    private func isBundle(_ folder: String) -> Bool {
        disk.kind("\(folder)/\(BundleFormat.indexName)") != nil
    }

    private func add(_ folder: String, to listing: inout Listing) {
        do throws(Fault) {
            let index = try LayoutIndex.read(folder, on: disk)
            listing.entries.append(Entry(id: index.id, folder: folder))
        } catch {
            listing.faults.append(error)
        }
    }
}
