import Ground

extension Shape<Bool> {
    static var flag: Shape {
        Shape("true or false") { text throws(Units.Misfit) in
            switch text {
            case "true": true
            case "false": false
            default:
                throw Units.Misfit(problem: "is not true or false", remedy: "write true or false")
            }
        }
    }
}

extension Shape where Value: RawRepresentable<String> & CaseIterable {
    /// One of the words of an enumeration.
    static var word: Shape {
        Shape("one of \(listed(Value.allCases.map(\.rawValue)))") { text throws(Units.Misfit) in
            if let value = Value(rawValue: text) { return value }
            let words = Value.allCases.map(\.rawValue)
            throw Units.Misfit(
                problem: "is not known", remedy: Nearest.remedy(for: text, among: words))
        }
    }
}

extension Shape<String> {
    /// The name of a node, a site, a task…; whether there is one is checked later.
    static var name: Shape {
        Shape("a name") { text throws(Units.Misfit) in
            guard let problem = Name.problem(text) else { return text }
            throw Units.Misfit(problem: "is no name: \(problem)", remedy: Name.remedy)
        }
    }

    /// Any text that is not empty; `expected` says what it is.
    static func text(_ expected: String) -> Shape {
        Shape(expected) { text throws(Units.Misfit) in
            guard text.utf8.count <= Bounds.text else {
                throw Units.Misfit(
                    problem: "has \(text.utf8.count) bytes",
                    remedy: "write at most \(Bounds.text)")
            }
            guard !text.isEmpty else {
                throw Units.Misfit(problem: "is empty", remedy: "give \(expected)")
            }
            return text
        }
    }

    /// A path of a file or folder, taken from the folder of the file that says it.
    static func path(_ expected: String) -> Shape {
        Shape(expected) { entry, name, report in
            guard let path = text(expected).read(entry, name, report) else { return nil }
            return Self.resolve(path, besides: entry.place.file)
        }
    }

    /// `path` as it stands when it is absolute, else beside `file`.
    static func resolve(_ path: String, besides file: String) -> String {
        guard !path.hasPrefix("/"), let slash = file.lastIndex(of: "/") else { return path }
        return file[...slash] + path
    }
}

extension Shape<Digest> {
    /// A bundle's digest. Tags are refused: what they name can change without an edit here.
    static var bundle: Shape {
        let remedy =
            "give a digest: sha256: and 64 hexadecimal digits"
            + " (`canopy model inspect FOLDER` prints it)"
        return Shape("a digest (`canopy model inspect FOLDER` prints it)") {
            text throws(Units.Misfit) in
            if let digest = Digest(text) { return digest }
            throw Units.Misfit(
                problem: text.hasPrefix("sha256:")
                    ? "is not sha256: and 64 digits of 0-9 and a-f"
                    : "is a tag that can come to mean another bundle", remedy: remedy)
        }
    }

    /// The SHA-256 of a token. What was written is not repeated: it may be the token itself.
    static var tokenHash: Shape {
        let remedy = "write the 64 hexadecimal digits that `printf %s TOKEN | sha256sum` prints"
        return Shape("the SHA-256 of the token: 64 hexadecimal digits") { entry, name, report in
            if case .unreadable = entry.content { return nil }
            if case .scalar(let text) = entry.content,
                let digest = Digest(text) ?? Digest(hex: text)
            {
                return digest
            }
            report.add(entry.place, "\(name) is not 64 digits of 0-9 and a-f", remedy)
            return nil
        }
    }
}

extension Shape<Endpoint> {
    /// Where to listen: port 0 lets the system choose.
    static var listenEndpoint: Shape {
        Shape("host:port such as 0.0.0.0:8443", scalar: endpoint)
    }

    /// Where to be dialled: a true host and port.
    static var address: Shape {
        Shape("host:port such as region.example:8443") { text throws(Units.Misfit) in
            let endpoint = try endpoint(text)
            guard endpoint.port != 0 else {
                throw Units.Misfit(
                    problem: "nobody can dial: port 0 stands for any",
                    remedy: "give the true port")
            }
            guard !endpoint.isWildcard else {
                throw Units.Misfit(
                    problem: "nobody can dial: it stands for every address",
                    remedy: "give the host name or address that others use")
            }
            return endpoint
        }
    }

    private static func endpoint(_ text: String) throws(Units.Misfit) -> Endpoint {
        if text.utf8.count <= Bounds.text, let endpoint = Endpoint(text), endpoint.isPlain {
            return endpoint
        }
        throw Units.Misfit(
            problem: "is not host:port",
            remedy: "write an address and a port to 65535, such as 0.0.0.0:8443 or [::]:8443")
    }
}

/// A value and where it stands.
struct Placed<Value> {
    var value: Value
    var place: Place
}

extension Shape {
    /// A list of what `item` reads; one value alone is a list of one.
    static func list<Item>(of item: Shape<Item>) -> Shape where Value == [Placed<Item>] {
        Shape("\(item.expected), or a list of such") { entry, name, report in
            var entries = [entry]
            if case .list(let list) = entry.content { entries = list }
            guard !entries.isEmpty, entries.count <= Bounds.items else {
                let problem = entries.isEmpty ? "is an empty list" : "has \(entries.count) items"
                report.add(
                    entry.place, "\(name) \(problem)", "give 1 to \(Bounds.items) items")
                return nil
            }
            return entries.compactMap { entry in
                item.read(entry, name, report).map { Placed(value: $0, place: entry.place) }
            }
        }
    }
}
