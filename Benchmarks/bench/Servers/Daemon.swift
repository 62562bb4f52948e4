/// The coupond under test: a process of the release build, with default settings.
internal import Foundation
internal import TestSupport

final class Daemon: Sendable {
    let port: Int
    let hasTLS: Bool
    private let process: ServerProcess
    private let folder: TemporaryFolder

    /// Starts it, and waits until it listens, which means that its gates are open.
    /// - Parameter isCounted: whether it runs under callgrind, which counts nothing until it is switched on.
    init(
        redisPort: Int, postgres: String, eventLoops: Int?, isCounted: Bool = false,
        hasTLS: Bool = false
    ) async throws {
        self.hasTLS = hasTLS
        port = Int(try freePort())
        folder = try TemporaryFolder()
        let program = builtExecutable("coupond")
        let command =
            (isCounted ? try await Callgrind.command(program, in: folder) : [program]) + [
                "--listen", "127.0.0.1:\(port)",
                "--metrics-listen", "off", "--redis", "127.0.0.1:\(redisPort)",
                "--postgres", postgres, "--log-level", "warning",
                "--event-loops", eventLoops.map(String.init) ?? "auto",
            ] + (hasTLS ? try await Self.certificate(in: folder) : [])
        process = try ServerProcess(
            command[0], arguments: Array(command.dropFirst()),
            environment: ["SWIFT_BACKTRACE": "enable=no"], in: folder.path)
        let (process, port) = (self.process, port)
        try await eventually("coupond listens: \(process.log)", within: .seconds(60)) {
            guard process.isRunning else {
                throw BenchmarkError("coupond ended: \(process.logTail())")
            }
            close(try connectLoopback(port: port))
            return true
        }
    }

    /// Makes a certificate. Returns the flags of a daemon that has it.
    private static func certificate(in folder: TemporaryFolder) async throws -> [String] {
        let (certificate, key) = (folder.file("daemon.pem"), folder.file("daemon.key"))
        let openssl = try ServerProcess(
            "openssl",
            arguments: [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-subj", "/CN=localhost", "-keyout", key, "-out", certificate,
            ], in: folder.path)
        guard try await openssl.waitForEnd() == .code(0) else {
            throw BenchmarkError("openssl made no certificate: \(openssl.logTail())")
        }
        return ["--tls-certificate", certificate, "--tls-key", key]
    }

    var pid: Int32 { process.pid }

    /// The folder in which it works.
    var workingFolder: String { folder.path }

    /// Drains the daemon, or kills it if that takes too long.
    func stop() async throws { try await process.terminate() }

    /// Resident memory now (`VmRSS`), or the highest so far (`VmHWM`), in KiB.
    func memory(_ field: String) throws -> Double {
        let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix(field + ":") }
        guard let number = line?.split(whereSeparator: { " \t".contains($0) }).dropFirst().first,
            let kibibytes = Double(number)
        else { throw BenchmarkError("/proc has no \(field)") }
        return kibibytes
    }
}
