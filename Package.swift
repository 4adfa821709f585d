// swift-tools-version: 6.2
import PackageDescription

/// What every Swift target of the house is compiled with. In a release each function has a section
/// of its own, so that the linker can lay them out.
let house: [SwiftSetting] = [
    .unsafeFlags(["-Xfrontend", "-function-sections"], .when(configuration: .release)),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// A release of the program carries what it uses of Swift's libraries in itself: it runs where no
/// Swift is installed, and maps a third less, since Foundation, which the YAML and argument parsers
/// ask for, comes only as far as they use it.
///
/// What a frame runs lies side by side (`layout.txt`, which `Tools/layout` writes): an inference drives
/// a node's code out of the caches, and what lies on a third as many pages is back sooner.
/// The linker is the toolchain's own, since each has its own words for this.
let alone: [LinkerSetting] = [
    .unsafeFlags(
        [
            "-static-stdlib", "-use-ld=lld", "-Xlinker", "--no-warn-symbol-ordering", "-Xlinker",
            "--symbol-ordering-file=\(Context.packageDirectory)/Sources/canopy/layout.txt",
        ]
            + [
                "CoreFoundation", "_FoundationCShims", "_FoundationCollections", "_FoundationICU",
                "swiftDispatch", "dispatch", "BlocksRuntime",
            ].map { "-l\($0)" }, .when(configuration: .release))
]

/// A room: one noun, the rooms and C modules below it, and its tests beside it with the files they
/// read.
func room(
    _ name: String, _ below: [Target.Dependency] = [], fixtures: [String] = []
) -> [Target] {
    [
        .target(name: name, dependencies: below, swiftSettings: house),
        .testTarget(
            name: "\(name)Tests", dependencies: [.target(name: name)] + below,
            exclude: fixtures, swiftSettings: house),
    ]
}

/// A C library of the system, found by pkg-config where it has a file there.
func system(_ name: String, pkgConfig: String? = nil, apt: String) -> Target {
    .systemLibrary(
        name: name, path: "Sources/C/\(name)", pkgConfig: pkgConfig, providers: [.apt([apt])])
}

let yams: Target.Dependency = .product(name: "Yams", package: "Yams")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let arguments: Target.Dependency = .product(
    name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "canopy",
    products: [
        .executable(name: "canopy", targets: ["canopy"]),
        .library(name: "CanopyClient", targets: ["CanopyClient"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
    ],
    targets: [
        system("CLibuv", pkgConfig: "libuv", apt: "libuv1-dev"),
        system("COpenSSL", pkgConfig: "openssl", apt: "libssl-dev"),
        system("CNghttp2", pkgConfig: "libnghttp2", apt: "libnghttp2-dev"),
        system("CProtobufC", pkgConfig: "libprotobuf-c", apt: "libprotobuf-c-dev"),
        system("CJPEG", pkgConfig: "libturbojpeg", apt: "libturbojpeg0-dev"),
        system("CZlib", pkgConfig: "zlib", apt: "zlib1g-dev"),
        system("CZstd", pkgConfig: "libzstd", apt: "libzstd-dev"),
        system("CMosquitto", pkgConfig: "libmosquitto", apt: "libmosquitto-dev"),
        system("CSQLite", pkgConfig: "sqlite3", apt: "libsqlite3-dev"),
        .target(
            name: "CHTTPParser", path: "Sources/C/CHTTPParser",
            linkerSettings: [.linkedLibrary("http_parser")]),
        .target(
            name: "CPNG", path: "Sources/C/CPNG", linkerSettings: [.linkedLibrary("png16")]),
        .target(
            name: "COpenVINO", path: "Sources/C/COpenVINO", linkerSettings: [.linkedLibrary("dl")]),
        .target(name: "CChecksum", path: "Sources/C/CChecksum"),
        .target(name: "CPrefetch", path: "Sources/C/CPrefetch"),
        .target(
            name: "CPQ", path: "Sources/C/CPQ", linkerSettings: [.linkedLibrary("dl")]),
        .target(name: "CLinux", path: "Sources/C/CLinux"),
        .target(name: "CIsolation", path: "Sources/C/CIsolation"),
        .target(
            name: "CWire", dependencies: ["CProtobufC"], path: "Sources/C/CWire",
            exclude: ["proto"]),
        .executableTarget(
            name: "canopy",
            dependencies: [
                "Ground", "Cryptography", "Storage", "EventLoop", "Wire", "Topology", "Bundles",
                "Records", "Routing", "Telemetry", "Gateway", "Simulation", "CanopyClient",
                arguments, logging,
            ], exclude: ["layout.txt"], swiftSettings: house, linkerSettings: alone),
        .executableTarget(
            name: "simulate",
            dependencies: ["Ground", "Storage", "Topology", "Simulation", arguments],
            path: "Tools/simulating", exclude: ["beside.py", "namespaces.py"], swiftSettings: house),
        .executableTarget(
            name: "spool-proof",
            dependencies: ["Ground", "Cryptography", "Storage", "Spool", arguments],
            path: "Tools/spooling", swiftSettings: house),
        .executableTarget(
            name: "record-seed",
            dependencies: ["Ground", "Cryptography", "Records", "Wire", arguments],
            path: "Tools/recording", swiftSettings: house),
        .executableTarget(
            name: "relay", dependencies: ["Ground", "EventLoop", arguments], path: "Tools/relay",
            swiftSettings: house),
        .testTarget(
            name: "RelayTests", dependencies: ["relay", "Ground", "EventLoop"],
            swiftSettings: house),
        .testTarget(name: "HouseTests", swiftSettings: house),
        .testTarget(
            name: "HTTPLoopbackTests",
            dependencies: ["Ground", "Cryptography", "EventLoop", "HTTP"], swiftSettings: house),
        .executableTarget(
            name: "bench-engine",
            dependencies: ["Ground", "EventLoop", "Storage", "Bundles", "Inference"],
            path: "Tools/benches/engine", swiftSettings: house, linkerSettings: alone),
        .executableTarget(
            name: "bench-http-echo",
            dependencies: ["Ground", "Cryptography", "EventLoop", "HTTP"],
            path: "Tools/benches/http-echo", swiftSettings: house),
    ]
        + room("Ground")
        + room("Cryptography", ["Ground", "COpenSSL"])
        + room("Storage", ["Ground", "CSQLite"])
        + room("EventLoop", ["Ground", "CLibuv", "CLinux"])
        + room("Wire", ["Ground", "CWire", "CProtobufC"])
        + room("HTTP", ["Ground", "Cryptography", "CNghttp2", "CHTTPParser", "CZlib"])
        + room("Topology", ["Ground", yams], fixtures: ["Offline"])
        + room("Bundles", ["Ground", "Cryptography", "Storage"])
        + room("Spool", ["Ground", "Cryptography", "CChecksum"])
        + room("Routing", ["Ground"])
        + room(
            "Inference", ["Ground", "Bundles", "COpenVINO", "CJPEG", "CPNG", "CIsolation"],
            fixtures: ["Golden", "Models", "other_formats.py", "own_fixtures.py"])
        + room("Telemetry", ["Ground", "Wire"])
        + room("Compression", ["Ground", "CZstd"])
        + room("Alerts", ["Ground", "HTTP", "CMosquitto"])
        + room("Records", ["Ground", "Cryptography", "Storage", "CPQ"])
        + room("Node", ["Ground", "Routing", "Topology"])
        + room(
            "Simulation",
            [
                "Ground", "Cryptography", "Spool", "Records", "Routing", "Telemetry", "Topology",
                "Node", "CPrefetch",
            ])
        + room(
            "CanopyClient",
            ["Ground", "Cryptography", "Storage", "EventLoop", "Wire", "HTTP", "Routing"])
        + room(
            "Gateway",
            [
                "Ground", "Cryptography", "Storage", "EventLoop", "Wire", "HTTP", "Topology",
                "Bundles", "Routing", "Inference", "Telemetry", "Alerts", "Compression", "Spool",
                "Records", "Node", logging,
            ])
)

// Fuzzers, which `Tools/fuzz` alone builds: they have no entry point without the fuzzer's.
if Context.environment["CANOPY_FUZZ"] == "1" {
    func fuzzer(_ name: String, _ below: [Target.Dependency]) -> Target {
        .executableTarget(
            name: "fuzz-\(name)", dependencies: ["FuzzSupport"] + below,
            path: "Tools/fuzzing/\(name)", swiftSettings: house + library)
    }
    let library: [SwiftSetting] = [.unsafeFlags(["-parse-as-library"])]
    package.targets += [
        .target(name: "FuzzSupport", path: "Tools/fuzzing/support", swiftSettings: house),
        .target(
            name: "FuzzServer", dependencies: ["FuzzSupport", "Ground", "HTTP"],
            path: "Tools/fuzzing/server", swiftSettings: house),
        fuzzer("wire", ["Ground", "Wire"]),
        fuzzer("peer", ["Ground", "Wire", "Compression"]),
        fuzzer("http1", ["FuzzServer"]),
        fuzzer("http2", ["FuzzServer"]),
        fuzzer("topology", ["Ground", "Topology"]),
        fuzzer("image", ["Ground", "Inference"]),
        fuzzer("bundle", ["Ground", "Bundles", "Inference"]),
    ]
}
