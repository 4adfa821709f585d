import ArgumentParser
import Glibc
import Ground

/// A time of day on the command line: RFC 3339 in UTC, or how long ago.
struct TimeArgument: ExpressibleByArgument {
    let time: WallTime

    static let help = "`2026-03-01`, `2026-03-01T12:00:00Z`, or how long ago: `30m`, `6h`, `7d`"

    init?(argument: String) {
        if let time = TimeText.read(argument) {
            self.time = time
            return
        }
        guard let unit = argument.last, let count = Int64(argument.dropLast()), count >= 0,
            let seconds = ["s": 1, "m": 60, "h": 3600, "d": 86_400][unit] as Int64?,
            case (let length, false) = count.multipliedReportingOverflow(by: seconds)
        else { return nil }
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        // Older than the clock itself is as old as can be.
        let past = max(Int64(now.tv_sec) - length, 1)
        time = WallTime(nanoseconds: past * 1_000_000_000)
    }
}

/// Times of day as RFC 3339 in UTC.
enum TimeText {
    /// With milliseconds; parts of them are cut off.
    static func text(_ time: WallTime) -> String {
        let milliseconds = time.nanoseconds.flooredQuotient(by: 1_000_000)
        let seconds = milliseconds.flooredQuotient(by: 1000)
        let days = seconds.flooredQuotient(by: 86_400)
        let (year, month, day) = civil(days)
        let rest = seconds - days * 86_400
        let date = "\(pad(year, 4))-\(pad(month, 2))-\(pad(day, 2))"
        let clock = "\(pad(rest / 3600, 2)):\(pad(rest / 60 % 60, 2)):\(pad(rest % 60, 2))"
        return "\(date)T\(clock).\(pad(milliseconds - seconds * 1000, 3))Z"
    }

    /// Reads a date, or a date and a time with `Z`; `nil` for anything else.
    static func read(_ text: String) -> WallTime? {
        let halves = text.split(separator: "T", omittingEmptySubsequences: false)
        let date = halves[0].split(separator: "-", omittingEmptySubsequences: false)
        guard halves.count <= 2, date.count == 3, date[0].count == 4,
            let year = Int64(date[0]), let month = number(date[1], 1...12),
            let day = number(date[2], 1...31), civil(days(year, month, day)).day == day
        else { return nil }
        var seconds = days(year, month, day) * 86_400
        if halves.count == 2 {
            guard let clock = clock(halves[1]) else { return nil }
            seconds += clock
        }
        let (nanoseconds, over) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return over ? nil : WallTime(nanoseconds: nanoseconds)
    }

    private static func clock(_ text: Substring) -> Int64? {
        guard text.hasSuffix("Z") else { return nil }
        let parts = text.dropLast().split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 3, let hour = number(parts[0], 0...23),
            let minute = number(parts[1], 0...59), let second = number(parts[2], 0...59)
        else { return nil }
        return hour * 3600 + minute * 60 + second
    }

    private static func number(_ text: Substring, _ range: ClosedRange<Int64>) -> Int64? {
        guard text.count == 2, let number = Int64(text), range.contains(number) else { return nil }
        return number
    }

    /// Days since 1970-01-01 of a date of the Gregorian calendar (Hinnant's algorithm).
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let era = year.flooredQuotient(by: 400)
        let ofEra = year - era * 400
        let ofYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear - 719_468
    }

    private static func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = shifted.flooredQuotient(by: 146_097)
        let ofEra = shifted - era * 146_097
        let year = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * year + year / 4 - year / 100)
        let shiftedMonth = (5 * ofYear + 2) / 153
        let month = shiftedMonth + (shiftedMonth < 10 ? 3 : -9)
        return (
            year + era * 400 + (month <= 2 ? 1 : 0), month,
            ofYear - (153 * shiftedMonth + 2) / 5 + 1
        )
    }

    private static func pad(_ number: Int64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(width - digits.count, 0)) + digits
    }
}

extension Int64 {
    fileprivate func flooredQuotient(by divisor: Int64) -> Int64 {
        self >= 0 ? self / divisor : -((-self + divisor - 1) / divisor)
    }
}
