/// A value of a file before its meaning is known: a scalar, a list or a map, with its place.
struct Entry: Sendable {
    enum Content: Sendable {
        /// Nothing was written: an empty value, `~` or `null`.
        case nothing
        /// The text of a scalar, quotes removed.
        case scalar(String)
        case list([Entry])
        case map([Member])
        /// It could not be read; the fault is reported already.
        case unreadable
    }

    var place: Place
    var content: Content

    /// What to call it in a message.
    var kind: String {
        switch content {
        case .nothing: "nothing"
        case .scalar(let text): quoted(text)
        case .list: "a list"
        case .map: "a map"
        case .unreadable: "unreadable"
        }
    }

    /// The members of a map, none for anything else.
    var members: [Member] {
        if case .map(let members) = content { members } else { [] }
    }

    /// The member `key` of a map.
    subscript(key: String) -> Member? { members.first { $0.key == key } }
}

/// A key of a map and its value.
struct Member: Sendable {
    var key: String
    /// Where the key stands.
    var place: Place
    var value: Entry

    /// Where to point at: the value when it stands on this line, the key of a map.
    var spot: Place {
        switch value.content {
        case .map, .nothing: place
        case .scalar, .list, .unreadable: value.place
        }
    }
}
