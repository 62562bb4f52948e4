/// Network namespaces, joined by a bridge of this machine: any of them can be cut off from all others.
internal import Foundation

/// Each namespace has an address; this machine reaches all of them. Only root may make it.
public final class BridgedNetwork: Sendable {
    private let name: String
    private let network: String
    private let count: Int

    /// Whether the user is root and `ip` is there.
    public static let isPossible =
        geteuid() == 0
        && ["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip"].contains {
            FileManager.default.isExecutableFile(atPath: $0)
        }

    /// Makes a network.
    /// - Parameter count: how many namespaces it joins.
    /// - Throws: ``ServerProcessError`` if the machine does not allow it.
    public init(_ count: Int) async throws {
        self.count = count
        network = "10.\(Int.random(in: 128...191)).\(Int.random(in: 0...255))"
        name = "cpb" + String(UInt32.random(in: 0...UInt32.max), radix: 36)
        var lines = [
            "link add \(name) type bridge", "address add \(network).1/24 dev \(name)",
            "link set \(name) up",
        ]
        for number in 0..<count {
            let (space, link) = (space(number), link(number))
            lines += [
                "netns add \(space)", "link add \(link) type veth peer name far netns \(space)",
                "link set \(link) master \(name)", "link set \(link) up",
            ]
        }
        try await Self.ip(lines)
        for number in 0..<count {
            try await Self.ip(
                [
                    "address add \(address(number))/24 dev far", "link set far up",
                    "link set lo up",
                ], in: space(number))
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
    public var gateway: String { "\(network).1" }

    /// The address of a namespace.
    public func address(_ number: Int) -> String { "\(network).\(number + 2)" }

    /// A command that becomes a program in a namespace.
    public func starter(_ number: Int) -> [String] { ["ip", "netns", "exec", space(number)] }

    /// Where the nodes of a cluster are, one in each namespace.
    public var places: [RedisCluster.Place] {
        (0..<count).map { RedisCluster.Place(host: address($0), startedBy: starter($0)) }
    }

    /// From now on packets to and from a namespace are lost, and nobody is told.
    public func cut(_ number: Int) async throws {
        try await Self.ip(["link set \(link(number)) down"])
    }

    /// Ends that.
    public func join(_ number: Int) async throws {
        try await Self.ip(["link set \(link(number)) up"])
    }

    /// Runs commands of `ip`, in a namespace or on this machine, until one of them fails.
    private static func ip(_ lines: [String], in space: String? = nil) async throws {
        let folder = try TemporaryFolder()
        let file = try folder.write(lines.joined(separator: "\n") + "\n", to: "commands")
        let command = try ServerProcess(
            "ip", arguments: (space.map { ["-n", $0] } ?? []) + ["-batch", file], in: folder.path)
        guard try await command.waitForEnd() == .code(0) else {
            throw ServerProcessError(description: "ip: \(command.logTail()), of \(lines)")
        }
    }
}
