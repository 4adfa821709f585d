/// Drawings as inline SVG: no script, no outside file.
enum SVG {
    static let ink = "#1d2733"
    static let faint = "#5b6875"
    static let grid = "#dfe4ea"
    static let red = "#c53030"
    /// Leaf, regional, cloud.
    static let tiers = ["#2f855a", "#b7791f", "#6b46c1"]

    static func drawing(_ width: Int, _ height: Int, _ title: String, _ parts: [String]) -> String {
        """
        <svg viewBox="0 0 \(width) \(height)" role="img" aria-label="\(escape(title))" \
        style="max-width:\(width)px">\(parts.joined())</svg>
        """
    }

    static func text(
        _ x: Double, _ y: Double, _ words: String, anchor: String = "start",
        colour: String = ink, size: Int = 13
    ) -> String {
        """
        <text x="\(number(x))" y="\(number(y))" text-anchor="\(anchor)" fill="\(colour)" \
        font-size="\(size)">\(escape(words))</text>
        """
    }

    static func line(
        _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, colour: String = grid
    ) -> String {
        """
        <line x1="\(number(x1))" y1="\(number(y1))" x2="\(number(x2))" y2="\(number(y2))" \
        stroke="\(colour)"/>
        """
    }

    static func box(
        _ x: Double, _ y: Double, _ width: Double, _ height: Double, _ colour: String,
        opacity: Double = 1
    ) -> String {
        """
        <rect x="\(number(x))" y="\(number(y))" width="\(number(max(width, 0)))" \
        height="\(number(max(height, 0)))" fill="\(colour)" fill-opacity="\(number(opacity))"/>
        """
    }

    static func path(_ points: [(Double, Double)], colour: String) -> String {
        let steps = points.map { "\(number($0.0)),\(number($0.1))" }.joined(separator: " ")
        return """
            <polyline points="\(steps)" fill="none" stroke="\(colour)" stroke-width="2"/>
            """
    }

    static func area(_ points: [(Double, Double)], colour: String) -> String {
        let steps = points.map { "\(number($0.0)),\(number($0.1))" }.joined(separator: " ")
        return "<polygon points=\"\(steps)\" fill=\"\(colour)\" fill-opacity=\"0.8\"/>"
    }

    static func escape(_ text: String) -> String {
        var out = ""
        for character in text {
            switch character {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            default: out.append(character)
            }
        }
        return out
    }

    /// With two digits behind the point: drawings need no more.
    static func number(_ value: Double) -> String {
        let hundredths = Int((value * 100).rounded())
        let rest = abs(hundredths % 100)
        let sign = hundredths < 0 ? "-" : ""
        return "\(sign)\(abs(hundredths) / 100).\(rest < 10 ? "0" : "")\(rest)"
    }
}
