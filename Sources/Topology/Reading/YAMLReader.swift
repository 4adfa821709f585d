import Yams

/// Reads one file's YAML into an `Entry`, with a place for everything.
///
/// Plain YAML only: anchors, aliases and tags are refused, since a topology's defaults make them
/// needless and a place should be where the reader sees the value. Nested aliases are how a small
/// file becomes a huge one.
struct YAMLReader {
    let source: SourceText
    let report: Report
    /// Keys that are given twice: where the first was masked, and its true name.
    private var masked: [Mask] = []

    init(_ source: SourceText, _ report: Report) {
        self.source = source
        self.report = report
    }

    /// The file's root, or `nil` after a fault of syntax. An empty file is `.nothing`.
    mutating func read() -> Entry? {
        var text = source.text
        while true {
            do {
                let parser = try Parser(yaml: text, resolver: .basic, encoding: .utf8)
                // Nodes refer to anchors weakly; the parser is what keeps them alive.
                return try withExtendedLifetime(parser) {
                    try parser.singleRoot().map { entry($0, depth: 1) }
                        ?? Entry(place: place(1, 1), content: .nothing)
                }
            } catch YamlError.duplicatedKeysInMapping(let keys, let context) {
                guard let mask = Mask(keys, at: context.mark, number: masked.count, in: &text)
                else {
                    refuseDuplicates(keys, at: context.mark)
                    return nil
                }
                masked.append(mask)
            } catch {
                refuseSyntax(error)
                return nil
            }
        }
    }

    private func place(_ line: Int, _ column: Int) -> Place {
        Place(file: source.name, line: line, column: column)
    }

    private func place(_ mark: Mark?) -> Place { place(mark?.line ?? 1, mark?.column ?? 1) }

    private func entry(_ node: Node, depth: Int) -> Entry {
        let place = place(node.mark)
        func unreadable(_ problem: String, _ remedy: String) -> Entry {
            report.isPartial = true
            report.add(place, problem, remedy)
            return Entry(place: place, content: .unreadable)
        }
        if let anchor = node.anchor {
            return unreadable(
                "anchors (&\(anchor.rawValue)) and aliases are not used here",
                "write the value out where it is needed")
        }
        guard depth <= Bounds.depth else {
            return unreadable(
                "this is nested more than \(Bounds.depth) levels deep", "a topology needs only six")
        }
        switch node {
        case .scalar(let scalar):
            guard ["", Tag.Name.str.rawValue].contains(scalar.tag.rawValue) else {
                return tagged(scalar.tag, place)
            }
            return Entry(place: place, content: content(scalar))
        case .sequence(let list):
            guard ["", Tag.Name.seq.rawValue].contains(list.tag.rawValue) else {
                return tagged(list.tag, place)
            }
            return Entry(place: place, content: .list(list.map { entry($0, depth: depth + 1) }))
        case .mapping(let map):
            guard ["", Tag.Name.map.rawValue].contains(map.tag.rawValue) else {
                return tagged(map.tag, place)
            }
            return Entry(place: place, content: .map(members(map, depth: depth)))
        case .alias:
            return unreadable("aliases are not used here", "write the value out")
        }
    }

    private func tagged(_ tag: Tag, _ place: Place) -> Entry {
        report.isPartial = true
        report.add(place, "the tag \(quoted(tag.rawValue)) has no meaning here", "remove it")
        return Entry(place: place, content: .unreadable)
    }

    private func content(_ scalar: Node.Scalar) -> Entry.Content {
        let isNull = ["", "~", "null"].contains(scalar.string)
        return scalar.style == .plain && isNull ? .nothing : .scalar(scalar.string)
    }

    private func members(_ map: Node.Mapping, depth: Int) -> [Member] {
        var members: [Member] = []
        var lines: [String: Int] = [:]
        for (node, value) in map {
            let place = place(node.mark)
            guard let scalar = node.scalar, node.anchor == nil else {
                report.add(place, "a key must be a word", "write `key: value`")
                continue
            }
            let key =
                masked.first { $0.line == place.line && $0.column == place.column }?.key
                ?? scalar.string
            if let line = lines[key] {
                report.add(
                    place, "\(quoted(key)) was already given on line \(line)", "keep one of the two"
                )
                continue
            }
            lines[key] = place.line
            members.append(Member(key: key, place: place, value: entry(value, depth: depth + 1)))
        }
        return members
    }

    private func refuseDuplicates(_ keys: [String], at mark: Mark) {
        report.add(
            place(mark), "\(listed(keys)) is given more than once in the same map",
            "keep one of them")
    }

    private func refuseSyntax(_ error: any Error) {
        let remedy = "mend the YAML first; nothing else in this file was read"
        switch error as? YamlError {
        case .composer(.some, _, let mark, _):
            // The composer has a context in this case only.
            report.add(
                place(mark), "a second document begins here",
                "remove the `---`; one file is one document")
        case .scanner(let context, let problem, let mark, _),
            .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let during = context.map { " \($0.text.trimmed)" } ?? ""
            report.add(place(mark), "this is not YAML: \(problem)\(during)", remedy)
        case .reader(let problem, _, _, _):
            report.add(place(1, 1), "this is not YAML: \(problem)", remedy)
        default:
            report.add(place(1, 1), "the YAML could not be read: \(error)", remedy)
        }
    }
}

extension String {
    /// Without spaces and line breaks at its ends, and on one line.
    fileprivate var trimmed: String {
        split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
}
