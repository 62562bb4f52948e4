// swift-tools-version: 6.2
import PackageDescription

/// The strictest compiler from the first commit: every target is built with these.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
]

let strictC: [CSetting] = [
    .treatAllWarnings(as: .error), .enableWarning("all"), .enableWarning("extra"),
]

let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioHTTP: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioTLS: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let nioTLSEvents: Target.Dependency = .product(name: "NIOTLS", package: "swift-nio")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let metrics: Target.Dependency = .product(name: "Metrics", package: "swift-metrics")
let coreMetrics: Target.Dependency = .product(name: "CoreMetrics", package: "swift-metrics")
let lifecycle: Target.Dependency = .product(
    name: "ServiceLifecycle", package: "swift-service-lifecycle")
let tracing: Target.Dependency = .product(name: "Tracing", package: "swift-distributed-tracing")
let deque: Target.Dependency = .product(name: "DequeModule", package: "swift-collections")
let arguments: Target.Dependency = .product(
    name: "ArgumentParser", package: "swift-argument-parser")

let histogram: Target.Dependency = .product(name: "Histogram", package: "hdrhistogram-swift")

let package = Package(
    name: "coupond",
    products: [
        .executable(name: "coupond", targets: ["coupond"]),
        .executable(name: "couponctl", targets: ["couponctl"]),
        .library(name: "CouponClient", targets: ["CouponClient"]),
        .library(name: "CSuspend", type: .dynamic, targets: ["CSuspend"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(
            url: "https://github.com/apple/swift-configuration", from: "1.4.0",
            traits: ["CommandLineArguments"]),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
        // A command plugin for `make docs`: no target uses it, so no build compiles it.
        .package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0"),
    ],
    targets: [
        // The C libraries, as they are.
        .systemLibrary(name: "CHiredis"),
        .systemLibrary(name: "CLibcrypto"),
        .systemLibrary(name: "CThreads"),
        .systemLibrary(name: "CLibpq"),
        .systemLibrary(name: "CProtobufC"),
        .target(name: "CCouponProto", dependencies: ["CProtobufC"], cSettings: strictC),

        // The way of a request: Domain has the words, Core decides, the others carry.
        .target(name: "CouponDomain", swiftSettings: strict),
        .target(
            name: "CouponCore", dependencies: ["CouponDomain", deque], swiftSettings: strict),
        .target(
            name: "CouponWire", dependencies: ["CCouponProto", "CProtobufC", "CouponDomain"],
            // So that nothing points into the memory of a message after it is given back.
            swiftSettings: strict + [.enableExperimentalFeature("Lifetimes")]),
        .target(
            name: "CouponAccess", dependencies: ["CLibcrypto", "CouponDomain", "FileAccess"],
            swiftSettings: strict),
        .target(
            name: "CouponRedis",
            dependencies: [
                "CHiredis", "CouponCore", "SerialThreads", "TLSSupport", nioCore, nioPosix, nioTLS,
                nioTLSEvents, logging, deque,
            ],
            resources: [.embedInCode("Scripts")],
            swiftSettings: strict),
        .target(
            name: "CouponPostgres", dependencies: ["CLibpq", "CouponCore", logging],
            resources: [.embedInCode("Migrations")],
            swiftSettings: strict),
        .target(
            name: "CouponScheduler",
            dependencies: [
                "CouponCore", "SerialThreads", logging, metrics, coreMetrics, lifecycle,
            ],
            swiftSettings: strict),
        .target(
            name: "CouponServer",
            dependencies: [
                "CouponAccess", "CouponCore", "CouponTracing", "CouponWire", "SerialThreads",
                "TLSSupport", nioCore, nioPosix, nioTLS, nioTLSEvents, logging, metrics,
                coreMetrics, lifecycle, deque,
                nioHTTP, tracing,
            ],
            swiftSettings: strict),
        .target(
            name: "CouponClient",
            dependencies: [
                "CouponDomain", "CouponTracing", "CouponWire", "FileAccess", "TLSSupport", nioCore,
                nioPosix, nioTLS, nioTLSEvents, logging, metrics, lifecycle, tracing,
            ],
            swiftSettings: strict),
        .target(
            name: "CouponTracing", dependencies: ["CouponDomain", tracing], swiftSettings: strict),
        .target(name: "SerialThreads", dependencies: ["CThreads"], swiftSettings: strict),
        .target(name: "Systemd", swiftSettings: strict),
        .target(name: "FileAccess", swiftSettings: strict),
        .target(name: "TLSSupport", dependencies: [nioTLS], swiftSettings: strict),

        .executableTarget(
            name: "coupond",
            dependencies: [
                "CouponAccess", "CouponCore", "CouponServer", "CouponScheduler", "CouponRedis",
                "CouponPostgres", "CouponTracing", "FileAccess", "Systemd", arguments, logging,
                metrics,
                coreMetrics, lifecycle, nioCore, nioPosix, tracing,
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "SystemPackage", package: "swift-system"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "couponctl",
            dependencies: [
                "CouponAccess", "CouponClient", "CouponCore", "CouponWire", "FileAccess", arguments,
                nioCore, nioPosix, histogram,
            ],
            swiftSettings: strict),

        // `make bench`. Without NIO: its load generator must cost less than what it measures.
        .systemLibrary(name: "CEpoll", path: "Benchmarks/CEpoll"),
        .target(name: "CSuspend", path: "Benchmarks/CSuspend", cSettings: strictC),
        .executableTarget(
            name: "bench",
            dependencies: [
                "CEpoll", "CHiredis", "CLibpq", "CouponClient", "CouponCore", "CouponWire",
                "TestSupport", "coupond", arguments, histogram,
            ],
            path: "Benchmarks/bench", swiftSettings: strict),

        // Tests by cost: unit, then with real servers, then the real daemon.
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: strict),
        .testTarget(
            name: "TestSupportTests", dependencies: ["TestSupport"], swiftSettings: strict),
        .testTarget(name: "TidinessTests", swiftSettings: strict),
        .testTarget(
            name: "SystemdTests", dependencies: ["Systemd", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "CoupondTests",
            dependencies: [
                "coupond", "CouponAccess", "CouponCore", "CouponServer", "TestSupport", arguments,
                logging,
            ],
            swiftSettings: strict),
        .target(
            name: "CoreTestKit", dependencies: ["CouponCore"], path: "Tests/CoreTestKit",
            swiftSettings: strict),
        .executableTarget(
            name: "Simulator",
            dependencies: ["CouponCore", "CouponScheduler", "CoreTestKit", logging],
            path: "Tests/Simulator", swiftSettings: strict),
        .testTarget(
            name: "SimulationTests", dependencies: ["Simulator", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "CouponCoreTests", dependencies: ["CouponCore", "CoreTestKit"],
            swiftSettings: strict),
        .testTarget(
            name: "CouponSchedulerTests",
            dependencies: ["CouponScheduler", "CouponCore", "CoreTestKit", logging],
            swiftSettings: strict),
        .testTarget(
            name: "CouponWireTests", dependencies: ["CouponWire", "CouponCore"],
            swiftSettings: strict),
        .testTarget(
            name: "CouponAccessTests", dependencies: ["CouponAccess", "CouponDomain"],
            swiftSettings: strict),
        .testTarget(
            name: "CouponServerTests",
            dependencies: [
                "CouponAccess", "CouponServer", "CouponCore", "TestSupport", logging, nioCore,
                nioPosix, nioHTTP,
                .product(name: "NIOEmbedded", package: "swift-nio"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "CouponRedisTests",
            dependencies: [
                "CouponRedis", "CouponCore", "CoreTestKit", "TestSupport", nioCore, nioPosix,
                logging,
            ],
            swiftSettings: strict),
        .testTarget(
            name: "CouponPostgresTests",
            dependencies: ["CouponPostgres", "CouponCore", "TestSupport", logging],
            swiftSettings: strict),
        .testTarget(
            name: "CouponClientTests",
            dependencies: [
                "TestWorld", "CouponClient", "CouponCore", "CouponWire", nioCore, nioPosix,
                logging, metrics, lifecycle, tracing,
                .product(name: "InMemoryLogging", package: "swift-log"),
                .product(name: "MetricsTestKit", package: "swift-metrics"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "CouponctlTests",
            dependencies: [
                "couponctl", "TestSupport", "TestWorld", "CouponClient", "CouponCore", "CouponWire",
                "FileAccess", arguments,
                nioCore, histogram,
            ],
            swiftSettings: strict),
        .target(
            name: "HistoryChecker", dependencies: ["CouponCore"], path: "Tests/HistoryChecker",
            swiftSettings: strict),
        .testTarget(
            name: "HistoryCheckerTests", dependencies: ["HistoryChecker", "CouponCore"],
            swiftSettings: strict),
        .target(
            name: "TestWorld",
            dependencies: [
                "CouponClient", "CouponCore", "CouponWire", "HistoryChecker", "TestSupport",
                nioCore, nioPosix, nioTLS, tracing,
                .product(name: "InMemoryTracing", package: "swift-distributed-tracing"),
            ],
            path: "Tests/TestWorld", swiftSettings: strict),
        .executableTarget(
            name: "chaos",
            dependencies: [
                "CouponClient", "CouponCore", "HistoryChecker", "TestSupport", "TestWorld",
                arguments, nioCore, nioPosix,
            ],
            path: "Tests/Chaos", swiftSettings: strict),
        .testTarget(
            name: "ChaosTests",
            dependencies: ["chaos", "CouponCore", "TestSupport", "TestWorld", nioCore],
            swiftSettings: strict),
        .executableTarget(
            name: "clusterdemo",
            dependencies: [
                "CouponClient", "CouponCore", "HistoryChecker", "TestSupport", "TestWorld",
                arguments, nioCore,
            ],
            path: "Tests/ClusterDemo", swiftSettings: strict),
        // The program of Tests/ClientPackage, with a stranger's settings: it sees one product, imported once.
        .executableTarget(
            name: "clientexample", dependencies: ["CouponClient"],
            path: "Tests/ClientPackage/Sources/shop"),
        .executableTarget(
            name: "siege",
            dependencies: [
                "CouponClient", "CouponCore", "CouponWire", "TestSupport", "TestWorld",
                arguments, nioCore, nioPosix,
            ],
            path: "Tests/Siege", swiftSettings: strict),
        .executableTarget(
            name: "volume",
            dependencies: [
                "CouponClient", "CouponCore", "CouponWire", "TestSupport", "TestWorld",
                arguments, nioCore,
            ],
            path: "Tests/Volume", swiftSettings: strict),
        .testTarget(
            name: "VolumeTests", dependencies: ["TestWorld", "volume"], swiftSettings: strict),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "HistoryChecker", "TestWorld", "CouponAccess", "CouponClient", "CouponCore",
                "CouponPostgres", "CouponRedis", "CouponWire",
                "TestSupport", arguments, logging, nioCore, nioPosix, tracing,
                "coupond", "couponctl",
            ],
            swiftSettings: strict),
    ]
)

// Targets that a build leaves out: a sanitizer's build of all of them takes long.
let left = Context.environment["COUPOND_WITHOUT"]?.split(separator: " ").map { String($0) } ?? []
package.targets.removeAll { left.contains($0.name) }

// The decoders under libFuzzer (`make fuzz`), and nothing else: its main and its instrumentation are in
// everything that is built with it. A program cannot be imported, so coupond's settings are a library here.
if Context.environment["COUPOND_FUZZ"] != nil {
    let decoders = [
        "CHiredis", "CLibcrypto", "CLibpq", "CProtobufC", "CCouponProto", "CouponDomain",
        "CouponAccess", "CouponCore", "CouponWire", "CouponRedis", "CouponPostgres", "Systemd",
        "CThreads", "FileAccess", "SerialThreads", "TLSSupport",
    ]
    let configuration: Target.Dependency = .product(
        name: "Configuration", package: "swift-configuration")
    package.products = []
    package.targets.removeAll { !decoders.contains($0.name) }
    package.targets += [
        .target(
            name: "coupond",
            dependencies: [
                "CouponAccess", "CouponCore", "CouponPostgres", "CouponRedis", "FileAccess",
                "Systemd", logging, nioCore, configuration,
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            exclude: ["Configuration/Options.swift"],
            sources: ["Configuration", "Logging/LogFormat.swift", "Secrets.swift", "System.swift"],
            swiftSettings: strict),
        .executableTarget(
            name: "fuzz",
            dependencies: [
                "CouponAccess", "CouponCore", "CouponRedis", "CouponWire", "coupond", configuration,
            ],
            path: "Fuzz/Sources",
            swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])]),
    ]
}
