/// The rights that a daemon asks for are those that its scripts and its code need.
import Foundation
import TestSupport
import Testing

@testable import CouponRedis

@Suite struct RedisRightsTests {
    /// With everything that settings may add.
    private static let all = RedisRights(
        checkingSettings: true, waitingForReplicas: true, inCluster: true)

    private static func names(_ rights: RedisRights) -> Set<String> {
        Set(rights.commands.map { String($0.prefix { $0 != " " }) })
    }

    @Test func `every command of a script is among the rights, and every right is used`() throws {
        var used = try commandsInCode()
        for script in Script.allCases {
            let commands = commands(
                in: [false, true].map {
                    String(decoding: script.text(inCluster: $0), as: UTF8.self)
                }.joined(),
                #/redis\.p?call\('([A-Z]+)'|= { '([A-Z]+)'|\bcall\('([A-Z]+)'/#)
            #expect(
                commands.isSubset(of: Self.names(Self.all)),
                "\(script): \(commands.subtracting(Self.names(Self.all)))")
            used.formUnion(commands)
        }
        let others: Set = ["AUTH", "SENTINEL"]
        #expect(used == Self.names(Self.all).union(others), "these two need no right in Redis")
    }

    @Test func `only some settings need WAIT, CONFIG and CLUSTER`() {
        let fewest = RedisRights(checkingSettings: false, waitingForReplicas: false)
        #expect(
            Self.names(Self.all).subtracting(Self.names(fewest)) == [
                "CONFIG", "WAIT", "CLUSTER", "SPUBLISH", "SSUBSCRIBE",
            ])
        #expect(
            fewest.accessList(user: "clerk", password: ">x").contains(" +config|get "),
            "a daemon that checks no settings still asks for them")
        #expect(fewest.accessList(user: "clerk", password: ">x").contains(" +cluster|info "))
        #expect(!fewest.channels.contains(Keys.replicas))
        #expect(Self.all.channels.contains(Keys.replicas))
    }

    @Test func `Redis takes the access list as it is printed, and misses nothing`() async throws {
        let fixture = try await RedisFixture()
        for waiting in [false, true] {
            let rights = RedisRights(checkingSettings: true, waitingForReplicas: waiting)
            let words = rights.accessList(user: "clerk", password: ">secret")
                .split(separator: " ").map(String.init)
            #expect(try await fixture.server.cli(words) == "OK")
            let clerk = fixture.another {
                $0.username = "clerk"
                $0.show(password: "secret")
                $0.waitsForReplicas = waiting
            }
            try clerk.checkRights()
        }
        let list = try await fixture.server.cli("ACL", "GETUSER", "clerk")
        #expect(list.contains("~coupond:*") && !list.contains("+@all"), "\(list)")
    }

    private func commands<Output>(in text: String, _ pattern: Regex<Output>) -> Set<String> {
        var found: Set<String> = []
        for match in text.matches(of: Regex<AnyRegexOutput>(pattern)) {
            for group in match.output.dropFirst() {
                if let name = group.substring { found.insert(String(name)) }
            }
        }
        return found
    }

    /// The first words of the commands that Swift sends.
    private func commandsInCode() throws -> Set<String> {
        let sources = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Sources/CouponRedis")
        let files = FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil)
        var found: Set<String> = []
        while let file = files?.nextObject() as? URL {
            guard file.pathExtension == "swift", file.lastPathComponent != "RedisRights.swift"
            else { continue }
            found.formUnion(
                commands(
                    in: try String(contentsOf: file, encoding: .utf8),
                    #/Command\(\s*"([A-Z]+)"|append\("([A-Z]{3,})"\)|words = \["([A-Z]+)"/#))
        }
        return found.subtracting(["LOAD"])
    }
}
