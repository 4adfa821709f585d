import Ground
import Storage
import Testing

@testable import Bundles

/// `Topology/models`, found from this file.
private let shipped =
    #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" } + "/Topology/models"

struct ShippedBundlesTests {
    @Test(.enabled(if: FileDisk().kind(shipped) == .folder, "Topology/models is not there"))
    func `Every bundle that ships verifies and is written canonically`() throws {
        let disk = FileDisk()
        let listing = try BundleStore(folders: [shipped], disk: disk).list()
        #expect(listing.faults.isEmpty && !listing.entries.isEmpty)
        for entry in listing.entries {
            let bundle = try VerifiedBundle(verifying: entry.folder, expecting: entry.id, on: disk)
            let path = "\(entry.folder)/blobs/sha256/\(bundle.id.hex)"
            let bytes = try disk.read(path, limit: BundleFormat.documentLimit)
            #expect(bundle.manifest.encoded() == bytes, "\(bundle.name)")
            #expect(try BundleInspection(bundle).accuracy != nil, "\(bundle.name)")
            if let teacher = bundle.manifest.teacher {
                #expect(
                    listing.entries.contains { $0.id == teacher }, "the teacher of \(bundle.name)")
            }
        }
    }
}
