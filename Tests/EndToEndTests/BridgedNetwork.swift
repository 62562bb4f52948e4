/// Network namespaces, joined by a bridge of this machine: any of them can be cut off from all others.
import Foundation
import TestSupport
import TestWorld

/// Each namespace has an address; this machine reaches all of them. Only root may make it.
final class BridgedNetwork: Sendable {
    private let name: String
    private let network: String
    private let count: Int

    static let isPossible =
        geteuid() == 0
        && ["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip"].contains {
            FileManager.default.isExecutableFile(atPath: $0)
        }

    init(_ count: Int) async throws {
        self.count = count
        network = "10.\(Int.random(in: 128...191)).\(Int.random(in: 0...255))"
        name = "cpb" + String(UInt32.random(in: 0...UInt32.max), radix: 36)
        try await Self.ip("link add \(name) type bridge")
        try await Self.ip("address add \(network).1/24 dev \(name)")
        try await Self.ip("link set \(name) up")
        for number in 0..<count {
            let (space, link) = (space(number), link(number))
            for line in [
                "netns add \(space)", "link add \(link) type veth peer name far netns \(space)",
                "link set \(link) master \(name)", "link set \(link) up",
                "-n \(space) address add \(address(number))/24 dev far",
                "-n \(space) link set far up", "-n \(space) link set lo up",
            ] {
                try await Self.ip(line)
            }
        }
    }

    deinit {
        for number in 0..<count { remove(["netns", "delete", space(number)]) }
        remove(["link", "delete", name])
    }

    private func remove(_ arguments: [String]) {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["ip"] + arguments
        try? process.run()
        process.waitUntilExit()
    }

    private func space(_ number: Int) -> String { "\(name)n\(number)" }

    private func link(_ number: Int) -> String { "\(name)l\(number)" }

    /// The address of this machine.
    var gateway: String { "\(network).1" }

    /// The address of a namespace.
    func address(_ number: Int) -> String { "\(network).\(number + 2)" }

    /// A command that becomes a program in a namespace.
    func starter(_ number: Int) -> [String] { ["ip", "netns", "exec", space(number)] }

    /// From now on packets to and from a namespace are lost, and nobody is told.
    func cut(_ number: Int) async throws { try await Self.ip("link set \(link(number)) down") }

    /// Ends that.
    func join(_ number: Int) async throws { try await Self.ip("link set \(link(number)) up") }

    private static func ip(_ line: String) async throws {
        let run = try await CommandRun("ip", line.split(separator: " ").map(String.init))
        guard run.end == .code(0) else { throw Unexpected(what: "ip \(line): \(run.text)") }
    }
}
