/// A path below `/v2/models`: `/v2/models/TASK[/versions/VERSION][/VERB]`.
struct ModelPath {
    let task: String
    /// Empty when the path names none.
    let version: String
    /// `infer`, `ready`, `config`; `nil` when the task itself is asked for.
    let verb: Substring?

    /// `nil` when the path is not of this form.
    init?(_ path: String) {
        let parts = path.split(separator: "/")
        guard parts.count >= 3, parts[0] == "v2", parts[1] == "models" else { return nil }
        task = String(parts[2])
        var rest = parts.dropFirst(3)
        if rest.count >= 2, rest.first == "versions" {
            version = String(rest[rest.startIndex + 1])
            rest = rest.dropFirst(2)
        } else {
            version = ""
        }
        guard rest.count <= 1 else { return nil }
        verb = rest.first
    }
}
