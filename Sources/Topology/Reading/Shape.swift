import Ground

/// What a value must look like, and how it is read. Reading reports what is wrong and gives `nil`.
struct Shape<Value> {
    /// What to write, for remedies: “a duration such as 500ms”. Made when it is needed: a large
    /// fleet asks for a shape a hundred thousand times.
    var expected: String { phrase() }
    private let phrase: () -> String
    /// Reads an entry whose name for messages is given.
    let read: (Entry, _ name: String, Report) -> Value?

    /// A shape that has its own way with entries.
    init(
        _ expected: @escaping @autoclosure () -> String,
        read: @escaping (Entry, String, Report) -> Value?
    ) {
        phrase = expected
        self.read = read
    }

    /// A scalar that `parse` understands.
    init(
        _ expected: @escaping @autoclosure () -> String,
        scalar parse: @escaping (String) throws(Units.Misfit) -> Value
    ) {
        self.init(
            expected(),
            read: { entry, name, report in
                switch entry.content {
                case .unreadable: return nil
                case .nothing:
                    report.add(entry.place, "\(name) has no value", "give \(expected())")
                case .list, .map:
                    report.add(entry.place, "\(name) is \(entry.kind)", "give \(expected())")
                case .scalar(let text):
                    do throws(Units.Misfit) {
                        return try parse(text)
                    } catch {
                        report.add(
                            entry.place, "\(name) is \(quoted(text)), which \(error.problem)",
                            error.remedy)
                    }
                }
                return nil
            })
    }
}

extension Shape where Value: Comparable {
    /// A quantity inside `range`; `print` writes its ends for the message.
    init(
        _ expected: @escaping @autoclosure () -> String, in range: ClosedRange<Value>,
        print: @escaping (Value) -> String,
        scalar parse: @escaping (String) throws(Units.Misfit) -> Value
    ) {
        self.init(expected()) { text throws(Units.Misfit) in
            let value = try parse(text)
            guard !range.contains(value) else { return value }
            let isLess = value < range.lowerBound
            let bound = print(isLess ? range.lowerBound : range.upperBound)
            throw Units.Misfit(
                problem: "is \(isLess ? "less" : "more") than \(bound)",
                remedy: "give \(print(range.lowerBound)) to \(print(range.upperBound))")
        }
    }
}

extension Shape<Int> {
    static func count(_ range: ClosedRange<Int>) -> Shape {
        Shape("a whole number", in: range, print: { "\($0)" }, scalar: Units.count)
    }

    /// Whole percents: decisions count in integers.
    static func percent(_ range: ClosedRange<Int>) -> Shape {
        Shape(
            "a percentage such as 20%", in: range, print: { "\($0)%" }, scalar: Units.percent)
    }

    static func bytes(_ range: ClosedRange<Int>) -> Shape {
        Shape(
            "a size such as 512MiB", in: range, print: { Units.text($0, Units.bytes) },
            scalar: Units.bytes)
    }

    static func pixels(_ range: ClosedRange<Int>) -> Shape {
        Shape(
            "a number of pixels such as 40MP", in: range,
            print: { Units.text($0, Units.pixels) }, scalar: Units.pixels)
    }

    static func byteRate(_ range: ClosedRange<Int>) -> Shape {
        Shape(
            "a rate such as 16KiB/s", in: range,
            print: { Units.text($0, Units.bytesPerSecond) }, scalar: Units.byteRate)
    }

    static func bandwidth(_ range: ClosedRange<Int>) -> Shape {
        Shape(
            "a bandwidth such as 2Mbit/s", in: range,
            print: { Units.text($0, Units.bitsPerSecond) }, scalar: Units.bandwidth)
    }
}

extension Shape<Interval> {
    static func interval(_ range: ClosedRange<Interval>) -> Shape {
        Shape(
            "a duration such as 500ms", in: range,
            print: { Units.text(Int($0.nanoseconds), Units.nanoseconds) }, scalar: Units.interval)
    }
}

extension Shape<Double> {
    static func share(_ range: ClosedRange<Double> = 0...1) -> Shape {
        Shape(
            "a share such as 8% or 0.08", in: range, print: { Units.text(share: $0) },
            scalar: Units.share)
    }

    static func decimal(_ range: ClosedRange<Double>) -> Shape {
        Shape("a number", in: range, print: { "\($0)" }, scalar: Units.decimal)
    }
}
