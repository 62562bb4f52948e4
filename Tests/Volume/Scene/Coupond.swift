/// A daemon under test, from the same build as this program, with the default settings.
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

    /// - Parameter descriptors: its limit of descriptors; nil for the same as this process.
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

    /// Kills the process, without a drain.
    func kill() async throws { try await process.terminate(SIGKILL) }

    /// A client with another connection.
    func anotherClient() -> CouponClient { Self.client(port) }

    private static func client(_ port: Int) -> CouponClient {
        var configuration = ClientConfiguration()
        configuration.deadline = .seconds(20)
        return CouponClient(
            address: ServerAddress(host: "127.0.0.1", port: port), configuration: configuration)
    }

    /// Whether a new user is accepted.
    func accepts(_ coupon: CouponID) async throws -> Bool {
        let request = IssueRequest(coupon: coupon, user: .newUser(), requestID: .random())
        switch try await client.issue(request, deadline: .seconds(2)) {
        case .accepted, .issued: return true
        default: return false
        }
    }

    /// The lines of its log that match.
    func logLines(_ matches: (Substring) -> Bool) -> [Substring] {
        let text = (try? String(contentsOfFile: process.log, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").filter(matches)
    }
}

extension UserID {
    /// A random user who has no coupon yet.
    static func newUser() -> UserID { UserID(.random(in: 1 << 40..<1 << 62)) }
}
