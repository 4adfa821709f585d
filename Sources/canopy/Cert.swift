import ArgumentParser
import Cryptography
import EventLoop
import Ground
import Storage

/// `canopy cert`: an authority, and certificates of nodes, clients and roles.
struct Cert: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make and renew the certificates of a site.",
        discussion: """
            The folder of certificates holds ca.pem (what everybody trusts), ca.key (the secret \
            that signs) and NAME.pem with NAME.key for each node or client. A node reads renewed \
            files without a restart.
            """,
        subcommands: [Initialize.self, Issue.self, Renew.self, Show.self])

    struct Folder: ParsableArguments {
        @Option(help: "Folder of the certificates.")
        var folder = "certificates"
    }

    struct Initialize: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "init", abstract: "Make an authority: ca.pem and ca.key.")

        @OptionGroup var place: Folder

        @Option(help: "Name of the authority.")
        var name = "Canopy site authority"

        func run() throws {
            try attempt { () throws(Fault) in
                let files = CredentialFiles(folder: place.folder, name: "ca")
                let disk = FileDisk()
                guard disk.size(files.key) == nil else {
                    throw Fault(
                        .precondition, "\(files.key) is there already",
                        remedy: "keep it, or remove it and issue every certificate again")
                }
                try disk.makeFolder(place.folder)
                let authority = try CertificateAuthority.make(
                    name: name, now: MonotonicTime().wall)
                try files.save(authority.credentials, on: disk)
                print("made \(files.chain) and \(files.key)")
            }
        }
    }

    struct Issue: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Issue a certificate to a node, a client or a role.")

        @OptionGroup var place: Folder

        @Option(help: "Name of the node in the topology.")
        var node: String?

        @Option(help: "Name of a client in the topology's identities.")
        var client: String?

        @Option(help: "Name of a role in the topology's identities.")
        var role: String?

        @Option(help: "A DNS name or address by which foreign clients reach it; may be repeated.")
        var host: [String] = []

        @Option(help: "How many days it is valid.")
        var days = 90

        func validate() throws {
            guard [node, client, role].compactMap(\.self).count == 1 else {
                throw ValidationError("give one of --node, --client and --role")
            }
            guard (1...3650).contains(days) else {
                throw ValidationError("--days must be from 1 to 3650")
            }
            guard ![node, client, role].contains("ca") else {
                throw ValidationError("'ca' is the authority's own name: its files would be lost")
            }
        }

        func run() throws {
            try attempt { () throws(Fault) in
                let kind: PeerIdentity.Kind = node != nil ? .node : client != nil ? .client : .role
                let name = node ?? client ?? role ?? ""
                let credentials = try authority(place.folder).issue(
                    kind, name, hosts: host, now: MonotonicTime().wall, validity: Cert.days(days))
                let files = CredentialFiles(folder: place.folder, name: name)
                try files.save(credentials, on: FileDisk())
                print("made \(files.chain) and \(files.key)")
            }
        }
    }

    struct Renew: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Renew a certificate: the same name and hosts, a new key.")

        @OptionGroup var place: Folder

        @Argument(help: "Name of the node, client or role.")
        var name: String

        @Option(help: "How many days it is valid.")
        var days = 90

        func run() throws {
            try attempt { () throws(Fault) in
                let files = CredentialFiles(folder: place.folder, name: name)
                let disk = FileDisk()
                let old = try disk.read(files.chain, limit: 1 << 20)
                let credentials = try authority(place.folder).renew(
                    old, now: MonotonicTime().wall, validity: Cert.days(days))
                try files.save(credentials, on: disk)
                print("renewed \(files.chain) and \(files.key)")
            }
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show whom certificates name and until when they are valid.")

        @Argument(help: "PEM files.")
        var files: [String]

        func run() throws {
            try attempt { () throws(Fault) in
                for file in files {
                    let facts = try CertificateFacts.read(FileDisk().read(file, limit: 1 << 20))
                    for one in facts {
                        let who = one.identity?.description ?? "authority \(one.subject)"
                        print("\(who)  until \(Timestamp.text(one.notAfter))  \(file)")
                    }
                }
            }
        }
    }

    static func days(_ count: Int) -> Interval { .seconds(Int64(count) * 86_400) }
}

private func authority(_ folder: String) throws(Fault) -> CertificateAuthority {
    let files = CredentialFiles(folder: folder, name: "ca")
    do throws(Fault) {
        return try CertificateAuthority(credentials: files.load(from: FileDisk()))
    } catch {
        var fault = error
        fault.remedy =
            fault.remedy ?? "make an authority first: canopy cert init --folder \(folder)"
        throw fault
    }
}

/// Runs a body and shows its fault as the command line shows faults.
func attempt<Result>(_ body: () throws(Fault) -> Result) throws -> Result {
    do throws(Fault) { return try body() } catch { throw Failure(error) }
}
