import Ground
import Testing

@testable import Topology

@Suite struct RecordsPlanTests {
    private func plan(_ records: String, _ node: String = "region") throws -> RecordsPlan? {
        let text = """
            canopy: 1
            nodes:
              region: { tier: regional, listen: 10.0.0.6:8443, \(records) }
            """
        return try topology(text).node(named: node)?.records
    }

    @Test func `A node keeps nothing unless the file says where`() throws {
        #expect(try plan("workers: 1") == nil)
    }

    @Test func `Records have the documented defaults`() throws {
        let plan = try #require(try plan("records: { folder: /var/records }"))
        #expect(plan.folder == "/var/records" && plan.quota == 10 << 30)
        #expect(plan.keep.frames == .seconds(7 * 86_400))
        #expect(plan.keep.records == .seconds(90 * 86_400))
        #expect(plan.keep.audit == .seconds(400 * 86_400))
        #expect(plan.postgres == nil && plan.objects == nil)
    }

    @Test func `Larger stores have the documented defaults`() throws {
        let plan = try #require(
            try plan(
                """
                records: { folder: r, postgres: { at: db.example:5432 },
                           s3: { url: https://s3.example, bucket: frames, prefix: mill, key: K,
                                 secret: { env: S } } }
                """))
        let postgres = try #require(plan.postgres)
        #expect(postgres.database == "canopy" && postgres.user == "canopy" && postgres.tls)
        let objects = try #require(plan.objects)
        #expect(objects.url.endpoint.port == 443 && objects.region == "us-east-1")
        #expect(objects.prefix == "mill/" && objects.secret == .environment("S"))
        let near = try self.plan("records: { folder: r, postgres: { at: 127.0.0.1:5432 } }")
        #expect(near?.postgres?.tls == false)
    }

    @Test func `A role may see records, a node and a client may not`() throws {
        let topology = try topology(
            """
            canopy: 1
            nodes:
              region: { tier: regional, listen: 10.0.0.6:8443 }
            identities:
              camera: {}
              operator: { kind: role }
              analyst: { kind: role, verbs: [records] }
            """)
        func verbs(_ kind: Identity.Kind, _ name: String) -> Set<Identity.Verb>? {
            topology.identity(kind: kind, named: name)?.verbs
        }
        #expect(verbs(.role, "operator")?.contains(.records) == true)
        #expect(verbs(.role, "analyst") == [.records])
        #expect(verbs(.node, "region")?.contains(.records) == false)
        #expect(verbs(.client, "camera")?.contains(.records) == false)
    }
}
