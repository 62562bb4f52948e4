/// A daemon under test: with the settings that a user has, from the same build as this program.
internal import CouponClient
internal import CouponCore
internal import CouponWire
internal import Foundation
internal import NIOCore
internal import TestSupport
internal import TestWorld

final class Coupond: Sendable {
    let port: Int
    let process: ServerProcess
    let client: CouponClient

    /// - Parameter descriptors: how many it may have; nil is as many as this process.
    init(_ world: World, _ arguments: [String], descriptors: Int?) throws {
        port = Int(try freePort())
        let limit = descriptors.map { ["prlimit", "--nofile=\($0):\($0)"] } ?? []
        let command =
            limit + [
                builtExecutable("coupond"), "--listen", "127.0.0.1:\(port)",
                "--metrics-listen", "off", "--redis", "unix:\(world.redis.socket)",
                "--postgres", world.database,
            ] + arguments
        process = try ServerProcess(
            command[0], arguments: Array(command.dropFirst()),
            environment: ["SWIFT_BACKTRACE": "enable=no"],
            in: try world.folder.makeFolder("daemon-\(port)"))
        client = Self.client(port)
    }

    /// Dies without a word.
    func kill() async throws { try await process.terminate(SIGKILL) }

    /// One more connection to it.
    func anotherClient() -> CouponClient { Self.client(port) }

    private static func client(_ port: Int) -> CouponClient {
        var configuration = ClientConfiguration()
        configuration.deadline = .seconds(20)
        return CouponClient(
            address: ServerAddress(host: "127.0.0.1", port: port), configuration: configuration)
    }

    /// Whether a user whom nobody has met is accepted.
    func accepts(_ coupon: CouponID) async throws -> Bool {
        let request = IssueRequest(coupon: coupon, user: .stranger(), requestID: .random())
        switch try await client.issue(request, deadline: .seconds(2)) {
        case .accepted, .issued: return true
        default: return false
        }
    }

    /// Lines of its log.
    func logLines(_ isMeant: (Substring) -> Bool) -> [Substring] {
        let text = (try? String(contentsOfFile: process.log, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").filter(isMeant)
    }
}

extension UserID {
    /// A user who is in no state that was made, and whom nobody else here draws.
    static func stranger() -> UserID { UserID(.random(in: 1 << 40..<1 << 62)) }
}
