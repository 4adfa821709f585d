import Glibc

/// Where compiled models are kept between runs: `CANOPY_CACHE`, or the user's cache folder.
enum CacheFolder {
    /// The folder's path, or `nil` when the machine names none: each start then compiles again.
    static var path: String? {
        if let stated = variable("CANOPY_CACHE") { return stated + "/compiled" }
        if let cache = variable("XDG_CACHE_HOME") { return cache + "/canopy/compiled" }
        return variable("HOME").map { $0 + "/.cache/canopy/compiled" }
    }

    private static func variable(_ name: String) -> String? {
        guard let value = getenv(name), value.pointee != 0 else { return nil }
        return String(cString: value)
    }
}
