internal import Cryptography
internal import Ground

/// AWS Signature Version 4, of a request whose body's SHA-256 is known.
struct SignatureV4 {
    var key: String
    var secret: String
    var region: String
    var service = "s3"

    /// The headers that sign a request, `authorization` among them.
    ///
    /// - Parameters:
    ///   - path: percent-encoded already, as it is sent; without a query.
    ///   - headers: what is signed beside the body and the time: names in small letters, `host`
    ///     among them.
    func headers(
        method: String, path: String, headers: [(String, String)], body: Digest, at now: WallTime
    ) -> [(String, String)] {
        let time = Self.time(now)
        let day = String(time.prefix(8))
        let own = [("x-amz-content-sha256", body.hex), ("x-amz-date", time)]
        let signed = (headers + own).sorted { $0.0 < $1.0 }
        let names = signed.map(\.0).joined(separator: ";")
        let canonical = [
            method, path, "", signed.map { "\($0.0):\($0.1)\n" }.joined(), names, body.hex,
        ].joined(separator: "\n")
        let scope = "\(day)/\(region)/\(service)/aws4_request"
        let text = [
            "AWS4-HMAC-SHA256", time, scope, Hash.sha256(Array(canonical.utf8)).hex,
        ].joined(separator: "\n")
        let signature = Hash.hmac(Array(text.utf8), key: signingKey(day))
        let credential =
            "AWS4-HMAC-SHA256 Credential=\(key)/\(scope), SignedHeaders=\(names), "
            + "Signature=\(Hex.text(signature))"
        return own + [("authorization", credential)]
    }

    private func signingKey(_ day: String) -> [UInt8] {
        [day, region, service, "aws4_request"].reduce(Array("AWS4\(secret)".utf8)) { key, part in
            Hash.hmac(Array(part.utf8), key: key)
        }
    }

    /// `20130524T000000Z`.
    static func time(_ time: WallTime) -> String {
        let seconds = time.nanoseconds / 1_000_000_000
        let days = seconds / 86_400
        let rest = seconds - days * 86_400
        // Days to a date of the Gregorian calendar, years counted from March (Hinnant).
        let shifted = days + 719_468
        let era = shifted / 146_097
        let ofEra = shifted - era * 146_097
        let year = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * year + year / 4 - year / 100)
        let month = (5 * ofYear + 2) / 153
        let date = [
            year + era * 400 + (month >= 10 ? 1 : 0), month + (month < 10 ? 3 : -9),
            ofYear - (153 * month + 2) / 5 + 1,
        ]
        let clock = [rest / 3600, rest / 60 % 60, rest % 60]
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return date.map(two).joined() + "T" + clock.map(two).joined() + "Z"
    }
}
