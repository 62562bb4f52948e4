import Foundation
import TestSupport
import TestWorld

/// A network with two ends: this machine's, and that of programs that are started in it.
final class SideNetwork: Sendable {
    /// This machine's.
    let address: String
    private let name: String

    static let isPossible =
        geteuid() == 0
        && ["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip"].contains {
            FileManager.default.isExecutableFile(atPath: $0)
        }

    /// A command that becomes a program in it.
    var starter: [String] { ["ip", "netns", "exec", name] }

    init() async throws {
        let network = "10.\(Int.random(in: 64...127)).\(Int.random(in: 0...255))"
        address = network + ".1"
        name = "cpd" + String(UInt32.random(in: 0...UInt32.max), radix: 36)
        for line in [
            "netns add \(name)", "link add \(name) type veth peer name far netns \(name)",
            "address add \(address)/24 dev \(name)", "link set \(name) up",
            "-n \(name) address add \(network).2/24 dev far", "-n \(name) link set far up",
            "-n \(name) link set lo up",
        ] {
            try await Self.ip(line)
        }
    }

    deinit {
        let remove = Process()
        remove.executableURL = URL(filePath: "/usr/bin/env")
        remove.arguments = ["ip", "netns", "delete", name]
        try? remove.run()
        remove.waitUntilExit()
    }

    /// From now on packets are lost, and nobody is told.
    func drop() async throws { try await Self.ip("link set \(name) down") }

    func deliver() async throws { try await Self.ip("link set \(name) up") }

    private static func ip(_ line: String) async throws {
        let run = try await CommandRun("ip", line.split(separator: " ").map(String.init))
        guard run.end == .code(0) else { throw Unexpected(what: "ip \(line): \(run.text)") }
    }
}
