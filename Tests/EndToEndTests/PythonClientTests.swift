/// The client in Python against a daemon: the schema and docs/PROTOCOL.md are enough to write a client.
import CouponCore
import Foundation
import TestSupport
import TestWorld
import Testing

extension DaemonTests {
    @Suite struct PythonClientTests {
        @Test
        func `the Python client asks, retries with the same request id, and reads the status`()
            async throws
        {
            let daemon = try SharedWorld.current.one
            let coupon = try await daemon.offer(total: 2)
            let of = ["--coupon", String(coupon.rawValue), "--user"]
            let name = ["--request-id", "00112233445566778899aabbccddeeff"]

            let first = try await python(["issue"] + of + ["1", "--wait-issued"] + name)
            #expect(first.end == .code(0))
            #expect(first["outcome"] == "ISSUED" && first["sequence"] == 1)
            let again = try await python(["issue"] + of + ["1", "--retry"] + name)
            #expect(again.end == .code(0))
            #expect(again["outcome"] == "ACCEPTED" && again["sequence"] == 1)
            let another = try await python(["issue"] + of + ["1"])
            #expect(another.end == .code(4))
            #expect(another["outcome"] == "DUPLICATE" && another["sequence"] == 1)

            let second = try await python(["issue"] + of + ["2"])
            #expect(second.end == .code(0) && second["sequence"] == 2)
            let late = try await python(["issue"] + of + ["3"])
            #expect(late.end == .code(3) && late["outcome"] == "SOLD_OUT")

            try await eventually("user 2 has it") {
                try await daemon.holds(coupon, 2)
            }
            let status = try await python(["status"] + of + ["1"])
            #expect(status.end == .code(0))
            #expect(status["user_state"] == "ISSUED" && status["issued_at"] == first["issued_at"])
            #expect(status["total"] == 2 && status["issued"] == 2 && status["remaining"] == 0)
            let nobody = try await python(["status"] + of + ["3"])
            #expect(nobody["user_state"] == "NONE")
        }

        @Test func `the Python client reports a refusal by its exit code and in JSON`() async throws
        {
            let missing = try await python(["issue", "--coupon", "4000000001", "--user", "1"])
            #expect(missing.end == .code(3) && missing["outcome"] == "NOT_FOUND")
            let status = try await python(["status", "--coupon", "4000000001"])
            #expect(status.end == .code(5))
            let away = try await pythonClient(
                ["--attempts", "2", "issue", "--coupon", "1", "--user", "1"],
                at: "127.0.0.1:\(try freePort())")
            #expect(away.end == .code(5) && away["acceptance"] == "NOT_ACCEPTED")
        }
    }
}

/// Runs the client with `--json` against the first of the shared daemons.
private func python(_ command: [String]) async throws -> CommandRun {
    let port = try SharedWorld.current.one.port
    return try await pythonClient(command, at: "127.0.0.1:\(port)")
}

/// Where Debian's Python finds the client. It leaves nothing there.
let pythonEnvironment = [
    "PYTHONPATH": repositoryRoot + "/Clients/python/src", "PYTHONDONTWRITEBYTECODE": "1",
]

/// Runs the client with `--json`.
func pythonClient(_ arguments: [String], at address: String) async throws -> CommandRun {
    // Debian's Python: Scripts/install-dependencies installs protobuf for it.
    return try await CommandRun(
        "/usr/bin/python3", ["-m", "coupond", "--json", "--address", address] + arguments,
        environment: pythonEnvironment)
}
