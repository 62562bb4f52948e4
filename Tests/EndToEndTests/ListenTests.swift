/// Where a daemon listens, and what it says if it cannot.
import CouponClient
import CouponCore
import Foundation
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(3))) struct ListenTests {
    private static let hasIPv6 =
        (try? String(contentsOfFile: "/proc/net/if_inet6", encoding: .utf8))?.contains(" lo")
        == true

    /// Callers beyond this machine, without TLS and identities.
    private static let open = ["--allow-plaintext", "--allow-anonymous-callers"]

    @Test func `an address at which the daemon cannot listen ends it with 69, in words`()
        async throws
    {
        let world = try await World()
        let foreign = "this machine does not have this address"
        for (setting, address, reason) in [
            ("listen", "203.0.113.7:7070", foreign),
            ("metrics-listen", "203.0.113.7:7070", foreign),
            ("listen", "no-such-host.invalid:7070", ""),
        ] {
            let daemon = try Daemon(world, ["--" + setting, address] + Self.open)
            #expect(try await daemon.process.waitForEnd() == .code(69))
            let log = daemon.process.logText
            #expect(log.contains("cannot listen at \(address) (\(setting)): \(reason)"), "\(log)")
        }
    }

    @Test func `a port that another daemon serves is in use`() async throws {
        let world = try await World()
        let metrics = try freePort()
        let first = try await world.daemon(["--metrics-listen", "127.0.0.1:\(metrics)"])
        for clash in [
            ["--listen", "127.0.0.1:\(first.port)"], ["--metrics-listen", "127.0.0.1:\(metrics)"],
        ] {
            let second = try Daemon(world, clash)
            #expect(try await second.process.waitForEnd() == .code(69))
            let log = second.process.logText
            #expect(log.contains("(\(clash[0].dropFirst(2))): the address is in use"), "\(log)")
        }
        _ = try await first.client.create(.offer(1, total: 1))
        #expect(try await first.win(CouponID(1), 1) == 1)
        #expect(try await first.stop() == .code(0))
    }

    @Test(.enabled(if: mayNotBindLowPorts, "needs root, and low ports that need a capability"))
    func `a low port without its capability ends the daemon with 69, in words`() async throws {
        let world = try await World()
        let daemon = try Daemon(
            world, ["--listen", "127.0.0.1:80"],
            startedBy: [
                "setpriv", "--bounding-set", "-net_bind_service", "--inh-caps",
                "-net_bind_service", "--",
            ])
        #expect(try await daemon.process.waitForEnd() == .code(69))
        let log = daemon.process.logText
        #expect(log.contains("CAP_NET_BIND_SERVICE"), "\(log)")
    }

    private static let mayNotBindLowPorts =
        geteuid() == 0
        && (try? String(
            contentsOfFile: "/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding: .utf8))?
            .trimmingCharacters(in: .whitespacesAndNewlines) == "1024"

    @Test(.enabled(if: hasIPv6 && geteuid() == 0, "needs root and IPv6"))
    func `a daemon at a name serves all addresses of the name`() async throws {
        let world = try await World()
        let (port, metrics) = (try freePort(), try freePort())
        let hosts = try world.folder.write(
            "::1 both\n127.0.0.1 both\n203.0.113.7 both\n", to: "hosts")
        let daemon = try Daemon(
            world,
            ["--listen", "both:\(port)", "--metrics-listen", "both:\(metrics)"] + Self.open,
            startedBy: [
                "unshare", "--mount", "sh", "-c", "mount --bind \(hosts) /etc/hosts; exec \"$@\"",
                "sh",
            ])
        try await expectList(.code(77), at: ["127.0.0.1:\(port)", "[::1]:\(port)"])
        for host in ["127.0.0.1", "[::1]"] {
            let page = try await CommandRun(
                "python3",
                [
                    "-c",
                    "import urllib.request as r; print(r.urlopen('http://\(host):\(metrics)/livez').read())",
                ])
            #expect(page.text.contains("alive"), "\(host): \(page.text)")
        }
        try await daemon.process.logs("203.0.113.7:\(port) (listen): this machine does")
        #expect(try await daemon.stop() == .code(0))
    }

    @Test(.enabled(if: hasIPv6, "needs IPv6"))
    func `callers on this machine are its admins while nothing listens beyond it`() async throws {
        let world = try await World()
        let port = try freePort()
        let addresses = ["127.0.0.1:\(port)", "[::1]:\(port)"]
        let local = try Daemon(world, ["--listen", addresses[0], "--listen", addresses[1]])
        try await expectList(.code(0), at: addresses)
        #expect(try await local.stop() == .code(0))
        // A proxy would come from this machine too. A unix socket has permissions of its own.
        let path = world.folder.file("admin.sock")
        let open = try Daemon(
            world, ["--listen", "[::]:\(port)", "--listen", "unix:\(path)"] + Self.open)
        try await expectList(.code(77), at: addresses)
        try await expectList(.code(0), at: ["unix:\(path)"])
        #expect(try await open.stop() == .code(0))
    }

    private func expectList(_ end: ProcessEnd, at addresses: [String]) async throws {
        for address in addresses {
            var run: CommandRun?
            try await eventually("coupond answers at \(address)") {
                run = try await CommandRun(
                    builtExecutable("couponctl"), ["coupon", "list", "--address", address])
                return run?.end != .code(69)
            }
            #expect(run?.end == end, "\(address): \(run?.text ?? "")")
        }
    }
}
