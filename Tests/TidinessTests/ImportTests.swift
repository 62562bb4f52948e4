/// Which modules a module may import.
import Testing

/// What each module may import besides itself and the standard library.
private let allowed: [String: Set<String>] = [
    "CouponDomain": [],
    "CouponAccess": ["CLibcrypto", "CouponDomain", "FileAccess", "Glibc"],
    "CouponCore": ["CouponDomain", "DequeModule", "Synchronization"],
    "CouponWire": ["CCouponProto", "CProtobufC", "CouponDomain", "Synchronization"],
    "CouponRedis": [
        "CHiredis", "CouponCore", "DequeModule", "Glibc", "Logging", "NIOCore", "NIOPosix",
        "NIOSSL", "NIOTLS", "SerialThreads", "Synchronization", "TLSSupport",
    ],
    "CouponPostgres": ["CLibpq", "CouponCore", "Glibc", "Logging", "Synchronization"],
    "CouponScheduler": [
        "CoreMetrics", "CouponCore", "Logging", "Metrics", "SerialThreads", "ServiceLifecycle",
        "Synchronization",
    ],
    "CouponServer": [
        "CoreMetrics", "CouponAccess", "CouponCore", "CouponTracing", "CouponWire", "DequeModule",
        "Glibc", "Logging", "Metrics", "NIOCore", "NIOHTTP1", "NIOPosix", "NIOSSL", "NIOTLS",
        "SerialThreads", "ServiceLifecycle", "Synchronization", "TLSSupport", "Tracing",
    ],
    "CouponClient": [
        "CouponDomain", "CouponTracing", "CouponWire", "FileAccess", "Glibc", "Logging", "Metrics",
        "NIOCore",
        "NIOPosix", "NIOSSL", "NIOTLS", "ServiceLifecycle", "Synchronization", "TLSSupport",
        "Tracing",
    ],
    "CouponTracing": ["CouponDomain", "Tracing"],
    "SerialThreads": ["CThreads", "Dispatch", "Synchronization"],
    "Systemd": ["Glibc", "Synchronization"],
    "FileAccess": ["Glibc"],
    "TLSSupport": ["NIOSSL"],
    // The composition root may import every module except the C libraries and the client.
    "coupond": [
        "ArgumentParser", "Configuration", "CoreMetrics", "CouponAccess", "CouponCore",
        "CouponPostgres", "CouponRedis",
        "CouponScheduler", "CouponServer", "CouponTracing", "FileAccess", "FoundationEssentials",
        "Glibc",
        "Logging", "Metrics",
        "NIOCore", "NIOPosix",
        "SerialThreads", "ServiceLifecycle", "Synchronization", "SystemPackage", "Systemd",
        "Tracing", "UnixSignals",
    ],
    "couponctl": [
        "ArgumentParser", "CouponAccess", "FileAccess", "FoundationEssentials", "Histogram",
        "CouponClient",
        "CouponCore", "CouponWire", "Glibc", "NIOCore",
        "NIOPosix",
        "Synchronization",
    ],
]

@Suite struct ImportTests {
    @Test(arguments: SourceFile.swiftSources)
    func `a module imports only what the table allows`(_ file: SourceFile) throws {
        let permitted = try #require(
            allowed[file.module], "\(file.module) has no line in the table")
        for line in file.code {
            guard
                let match = line.firstMatch(of: /^(?:\w+ |@\w+(?:\(\w+\))? )*import (?:\w+ )?(\w+)/)
            else { continue }
            let module = String(match.1)
            #expect(permitted.contains(module), "\(file.path) imports \(module)")
        }
    }

    @Test(arguments: SourceFile.swiftSources.filter { $0.text.contains("import C") })
    func `a C library is only imported internally`(_ file: SourceFile) {
        for line in file.code
        where line.contains(/import C(Hiredis|Libcrypto|Libpq|ProtobufC|CouponProto)/) {
            #expect(line.hasPrefix("internal import"), "\(file.path): \(line)")
        }
    }
}
