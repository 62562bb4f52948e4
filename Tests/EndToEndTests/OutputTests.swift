/// Standard output that is full, closed or not read to its end: the exit code says so.
import CouponClient
import CouponCore
import CouponWire
import Foundation
import NIOCore
import TestSupport
import TestWorld
import Testing

extension DaemonTests {
    @Suite struct OutputTests {
        @Test func `a command whose answer cannot be written fails`() async throws {
            let daemon = try SharedWorld.current.one
            let id = try await daemon.offer(total: 9).rawValue
            let commands = [
                "coupon create --id \(id + 500_000) --title t --closes +1h", "coupon list",
                "coupon list --json", "coupon get \(id)", "coupon update \(id) --title u",
                "coupon pause \(id)", "coupon resume \(id)", "issue --coupon \(id) --user 1",
                "coupon issues \(id)", "status --coupon \(id)", "watch --coupon \(id)",
                "verify --coupon \(id)", "dead-letter list", "reload", "health", "help",
                "coupon --help",
            ]
            for command in commands {
                let run = try await shell("couponctl \(command) > /dev/full")
                #expect(run.end == .code(74), "\(command): \(run.end), \(run.text)")
                #expect(run.text.contains("No space left"), "\(command): \(run.text)")
            }
            let closed = try await shell("couponctl verify --coupon \(id) >&-")
            #expect(closed.end == .code(74), "\(closed.text)")
            #expect(try await daemon.holds(daemon.offer(total: 1), 1) == false, "it serves on")
        }

        @Test func `a command whose reader has gone ends`() async throws {
            let id = try await SharedWorld.current.one.offer(total: 9).rawValue
            let watch = try await shell(
                "timeout 60 couponctl watch --coupon \(id) --every 60s | head -n 1; "
                    + "exit ${PIPESTATUS[0]}")
            #expect(watch.end == .code(74), "\(watch.text)")
            let list = try await shell(
                "{ sleep 2; couponctl coupon list; } | true; exit ${PIPESTATUS[0]}")
            #expect(list.end == .code(74) && list.text.isEmpty, "\(list.text)")
        }

        @Test func `the daemon's own answers are not lost in silence`() async throws {
            for options in ["--help", "--version", "--check-config", "--print-config"] {
                let run = try await shell("coupond \(options) > /dev/full")
                #expect(run.end == .code(74), "\(options): \(run.end), \(run.text)")
            }
            let owner = LeastRights.connection(
                try SharedWorld.current.world.database, as: LeastRights.owner)
            for command in ["migrate --postgres '\(owner)'", "acl redis", "acl postgres"] {
                let run = try await shell("coupond \(command) > /dev/full")
                #expect(run.end == .code(74), "\(command): \(run.end), \(run.text)")
                #expect(run.text.contains("No space left"), "\(command): \(run.text)")
            }
            #expect(try await shell("coupond --check-config >&-").end == .code(74))
        }

        @Test func `a file that may not grow is an answer that is lost`() async throws {
            let folder = try TemporaryFolder()
            for command in ["coupond --help", "couponctl --help", "couponctl coupon list"] {
                let run = try await shell(
                    "prlimit --fsize=0 \(command) > \(folder.file("answer"))")
                #expect(run.end == .code(74), "\(command): \(run.end), \(run.text)")
            }
            let file = folder.file("bookmark")
            let watch = try await shell(
                "prlimit --fsize=0 couponctl watch --events --from-oldest --bookmark-file \(file) "
                    + "| cat; exit ${PIPESTATUS[0]}")
            #expect(watch.end == .code(74), "\(watch.end), \(watch.text)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["answer"])
        }

        @Test func `a list whose reader has gone is not read to its end`() async throws {
            let daemon = try SharedWorld.current.one
            let coupon = try await daemon.offer(total: nil)
            for first in [1, 1_001, 2_001] as [Int64] {
                let users = (first..<first + 1_000).map { UserID($0) }
                _ = try await daemon.client.issue(
                    IssueBatch(
                        coupon: coupon, items: users.map { IssueBatch.Item(user: $0) },
                        waitFor: .issued), deadline: .seconds(10))
            }
            let list = try await shell(
                "couponctl coupon issues \(coupon.rawValue) | head -n 1; exit ${PIPESTATUS[0]}")
            #expect(list.end == .code(74), "\(list.text)")
        }

        @Test func `the Python client's exit code says that its answer was lost`() async throws {
            let id = try await SharedWorld.current.one.offer(total: 9).rawValue
            let issue = "$PYTHON issue --coupon \(id) --user"
            let full = try await shell("\(issue) 1 > /dev/full")
            #expect(full.end == .code(7) && full.text.contains("No space left"), "\(full.text)")
            #expect(try await shell("\(issue) 2 >&-").end == .code(7))
            let unread = try await shell("{ sleep 2; \(issue) 3; } | true; exit ${PIPESTATUS[0]}")
            #expect(unread.end == .code(7) && unread.text.isEmpty, "\(unread.text)")
        }

        @Test func `the Python client prints no escapes of a title`() async throws {
            let daemon = try SharedWorld.current.one
            let id = try await daemon.offer(total: 9)
            let title = "봄\u{1B}[31m\u{9B}\u{202E}\u{7F}\nx\u{200D}\u{200B}👩‍👧\u{61C}\u{3164}"
            _ = try await daemon.client.update(id, CouponChange(title: title))
            let status = "status --coupon \(id.rawValue)"
            let text = try await shell("$PYTHON \(status)")
            #expect(
                text.text.contains(
                    "봄\\u{1b}[31m\\u{9b}\\u{202e}\\u{7f}\\u{a}x\\u{200d}\\u{200b}👩‍👧\\u{61c}\\u{3164}"
                ),
                "\(text.text)")
            let json = try await shell("$PYTHON --json \(status)")
            #expect(json["title"] == .text(title))
            #expect(
                json.text.unicodeScalars.allSatisfy {
                    !"\u{9B}\u{202E}\u{7F}\u{200B}\u{61C}\u{3164}".contains(Character($0))
                })
        }

        @Test func `no program quotes an argument raw`() async throws {
            let bad = #"$'x\e[31m\xe2\x80\xae\xe2\x80\x8b'"#
            for command in [
                "couponctl coupon get \(bad)", "couponctl --address \(bad) reload",
                "couponctl \(bad)", "couponctl --token-file \(bad) reload", "coupond --\(bad)",
                "coupond --redis \(bad)", "$PYTHON \(bad)", "$PYTHON status --coupon \(bad)",
                "$PYTHON --\(bad) status --coupon 1",
            ] {
                let run = try await shell(command)
                #expect(run.end != .code(0), "\(command)")
                let raw = "\u{1B}\u{202E}\u{200B}".unicodeScalars
                #expect(
                    !run.text.unicodeScalars.contains { raw.contains($0) },
                    "\(command): \(run.text)")
            }
        }

        @Test func `couponctl prints no escapes of a title`() async throws {
            let daemon = try SharedWorld.current.one
            let id = try await daemon.offer(total: 9)
            let title = "봄\u{1B}[31m\u{9B}\u{202E}\u{7F}\nx\u{200B}"
            _ = try await daemon.client.update(id, CouponChange(title: title))
            let safe = "봄\\u{1b}[31m\\u{9b}\\u{202e}\\u{7f}\\u{a}x\\u{200b}"
            for command in [
                "coupon get \(id.rawValue)", "coupon list", "status --coupon \(id.rawValue)",
                "watch --looks 1 --coupon \(id.rawValue)",
            ] {
                let run = try await shell("couponctl \(command)")
                #expect(run.end == .code(0) && run.text.contains(safe), "\(command): \(run.text)")
                let json = try await shell("couponctl \(command) --json")
                for text in [run.text, json.text] {
                    let raw = "\u{1B}\u{9B}\u{202E}\u{7F}\u{200B}".unicodeScalars
                    #expect(
                        !text.unicodeScalars.contains { raw.contains($0) }, "\(command): \(text)")
                }
            }
            let coupon = try await shell("couponctl coupon get \(id.rawValue) --json")
            #expect(coupon["title"] == .text(title))
        }
    }
}

/// Runs a line in bash. couponctl and coupond are in its path, and `$PYTHON` is the client in Python. Both
/// use the first of the shared daemons.
private func shell(_ line: String) async throws -> CommandRun {
    let members = try SharedWorld.current
    let programs = URL(filePath: builtExecutable("couponctl")).deletingLastPathComponent().path
    let address = "127.0.0.1:\(members.one.port)"
    return try await CommandRun(
        "/bin/bash", ["-c", line],
        environment: [
            "PATH": "\(programs):/usr/bin:/bin", "COUPONCTL_ADDRESS": address,
            "PYTHON": "/usr/bin/python3 -m coupond --address \(address)",
        ].merging(pythonEnvironment) { $1 })
}
