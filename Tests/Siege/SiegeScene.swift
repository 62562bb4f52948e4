/// A Redis, a database, and for each attack a daemon and an echo server.
internal import CouponClient
internal import CouponCore
internal import Foundation
internal import TestSupport
internal import TestWorld

/// What an attack has measured, by the keys of the goals.
typealias Figures = [String: Double]

struct AttackResult: Sendable {
    let attack: Attack
    let figures: Figures
    /// Why it did not reach its end; nil if it did.
    let failure: String?
}

final class SiegeScene: Sendable {
    static let eventLoops = 2
    /// Every slot of it is used.
    static let soldOut = CouponID(1)
    /// Unlimited: for the honest callers.
    static let onSale = CouponID(2)

    private let world: World
    private let isSmall: Bool
    private let seconds: Int
    private let rate: Int
    private let evidence: String

    init(isSmall: Bool, seconds: Int, rate: Int, evidence: String) async throws {
        world = try await World()
        self.isSmall = isSmall
        self.seconds = seconds
        self.rate = rate
        self.evidence = evidence
        let daemon = try await world.daemon()
        _ = try await daemon.client.create(.offer(Self.soldOut.rawValue, total: 1))
        _ = try await daemon.client.create(.offer(Self.onSale.rawValue, total: nil))
        _ = try await daemon.client.issue(
            IssueRequest(coupon: Self.soldOut, user: UserID(1), waitFor: .issued))
        await daemon.client.close()
        try await daemon.stop()
    }

    /// Runs one attack, in a full run against the echo server first.
    func play(_ attack: Attack) async -> AttackResult {
        var figures = Figures()
        do {
            let target = try await Besieged(world, attack)
            do {
                try await play(attack, target, &figures)
            } catch {
                let folder = keepLog(of: target.daemon, attack)
                await target.daemon.client.close()
                try? await target.daemon.kill()
                return AttackResult(
                    attack: attack, figures: figures, failure: "\(error); log: \(folder)")
            }
            await target.daemon.client.close()
            guard try await target.daemon.stop() == .code(0) else {
                throw Failed("the daemon did not end with 0")
            }
            return AttackResult(attack: attack, figures: figures, failure: nil)
        } catch {
            return AttackResult(attack: attack, figures: figures, failure: "\(error)")
        }
    }

    private func play(
        _ attack: Attack, _ target: Besieged, _ figures: inout Figures
    ) async throws {
        let honest = HonestCallers(Self.onSale, perSecond: rate, connected: target.connected)
        var beside: Measurement?
        if !isSmall {
            let echo = try await EchoServer(in: world.folder)
            beside = try await measure(attack, at: echo.port, http: echo.port, honest)
        }
        let measured = try await measure(
            attack, at: target.port, http: target.metricsPort, honest)
        let stopwatch = ContinuousClock.now
        let metrics = Metrics(port: target.metricsPort)
        try await eventually("the places are free again", within: .seconds(60)) {
            let connections = try metrics.value("coupond_connections")
            figures["left"] = connections - target.ownConnections
            return try connections <= target.ownConnections
                && metrics.value("coupond_requests_in_flight") == 0
        }
        figures["back"] = (ContinuousClock.now - stopwatch) / .seconds(1)
        let after = try await honest.run(seconds: 1)
        figures["answered_after"] = after.share
        figures["answered"] = measured.share
        figures["newcomers"] = measured.newcomers
        figures["p99"] = measured.latencies.percentile(99).map { $0 * 1_000 }
        figures["memory"] = try target.daemon.peakMebibytes()
        figures["limited"] = try metrics.sum("coupond_limited_total")
        if let beside {
            figures["p99_echo"] = beside.latencies.percentile(99).map { $0 * 1_000 }
            figures["p99_ratio"] = measured.latencies.percentile(99, over: beside.latencies)
            figures["goodput"] = beside.share > 0 ? measured.share / beside.share : nil
        }
    }

    /// Honest callers beside attackers of a port.
    private func measure(
        _ attack: Attack, at port: Int, http: Int, _ honest: HonestCallers
    ) async throws -> Measurement {
        let target = Target(port: port, httpPort: http, isSmall: isSmall)
        let attackers = Attackers(attack, target)
        try await attackers.waitUntilOn()
        let measurement = try await honest.run(seconds: seconds)
        await attackers.stop()
        return measurement
    }

    private func keepLog(of daemon: Daemon, _ attack: Attack) -> String {
        let folder = "\(evidence)/\(attack.name)"
        let files = FileManager.default
        try? files.removeItem(atPath: folder)
        try? files.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try? files.copyItem(atPath: daemon.process.log, toPath: "\(folder)/coupond.log")
        return folder
    }
}

/// The echo server, a process of its own like the daemon.
private struct EchoServer {
    let port: Int
    private let process: ServerProcess

    init(in folder: TemporaryFolder) async throws {
        let port = Int(try freePort())
        self.port = port
        process = try ServerProcess(
            builtExecutable("siege"), arguments: ["echo", "--port", "\(port)"],
            in: try folder.makeFolder("echo-\(port)"))
        try await eventually("the echo server listens") {
            _ = try PlainSocket(port: port)
            return true
        }
    }
}

extension Daemon {
    /// The most memory that the process has had, in MiB.
    fileprivate func peakMebibytes() throws -> Double {
        let status = try String(contentsOfFile: "/proc/\(process.pid)/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        guard let kibibytes = line.flatMap({ Double($0.filter(\.isNumber)) }) else {
            throw Failed("no VmHWM in \(status)")
        }
        return kibibytes / 1_024
    }
}
