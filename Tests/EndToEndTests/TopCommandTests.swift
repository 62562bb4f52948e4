import CouponClient
import CouponCore
import Foundation
import TestSupport
import TestWorld
import Testing

/// `couponctl top`, completions, and `--dry-run`.
@Suite(.machine(.asking), .timeLimit(.minutes(3))) struct TopCommandTests {
    private func couponctl(
        _ arguments: [String], environment: [String: String] = [:]
    ) async throws -> CommandRun {
        try await CommandRun(builtExecutable("couponctl"), arguments, environment: environment)
    }

    @Test func `top writes lines into a pipe and a screen on a terminal`() async throws {
        let stage = try await LimitStage()
        _ = try await stage.daemon.client.create(.offer(1, total: 3))
        #expect(try await stage.daemon.win(CouponID(1), 1) == 1)
        try await eventually("the document has the coupon") {
            try httpGet("/status.json", port: stage.metricsPort).contains("\"issued\":1")
        }
        let top = ["top", "--metrics-address", "127.0.0.1:\(stage.metricsPort)", "--looks"]
        var text = ""
        // On a busy machine the daemon may not be ready for a moment.
        try await eventually("each line says that it is ready: \(text)") {
            let lines = try await couponctl(top + ["2", "--every", "100ms"])
            #expect(lines.end == .code(0), "\(lines.text)")
            text = lines.text
            let looks = text.split(separator: "\n")
            #expect(looks.count == 2, "\(text)")
            return looks.allSatisfy { $0.hasSuffix(" ready") }
        }
        let json = try await couponctl(top + ["1", "--json"])
        #expect(json.end == .code(0) && json.text.hasPrefix("{\"version\":\"0.1.0\""))
        let command = ([builtExecutable("couponctl")] + top + ["1"]).joined(separator: " ")
        try await eventually("the screen shows the coupon: \(text)") {
            let screen = try await CommandRun(
                "/usr/bin/script",
                [
                    "--quiet", "--return", "--command", "stty cols 60 rows 12; \(command)",
                    "/dev/null",
                ], environment: ["TERM": "xterm", "NO_COLOR": "1"])
            text = screen.text
            #expect(screen.end == .code(0), "\(text)")
            let rows = text.split(separator: "\n", omittingEmptySubsequences: false)
            #expect(rows.count <= 13, "\(text)")
            #expect(text.contains("\u{1B}[Hcoupond 0.1.0 at 127.0.0.1"), "\(text)")
            return text.contains("#####")
        }
        #expect(try await stage.daemon.stop() == .code(0))
        let gone = try await couponctl(top + ["1"])
        #expect(gone.end == .code(69), "\(gone.text)")
        #expect(gone.text.hasPrefix("couponctl: 127.0.0.1"), "\(gone.text)")
    }

    @Test func `a dry run creates nothing, and says what would be refused`() async throws {
        let world = try await World()
        let daemon = try await world.daemon()
        let address = ["--address", "127.0.0.1:\(daemon.port)"]
        let create = ["coupon", "create", "--title", "t", "--closes", "+1h", "--dry-run"] + address
        let free = try await couponctl(create + ["--id", "7", "--total", "5"])
        #expect(free.end == .code(0) && free.text.contains("7"), "\(free.text)")
        let found = try await couponctl(["coupon", "get", "7"] + address)
        #expect(found.end == .code(1), "\(found.text)")
        for wrong in [["--total", "0"], ["--opens", "+2h"]] {
            let run = try await couponctl(create + ["--id", "7"] + wrong)
            #expect(run.end == .code(64), "\(run.text)")
        }
        _ = try await daemon.client.create(.offer(7, total: 5))
        let taken = try await couponctl(create + ["--id", "7"])
        #expect(taken.end == .code(1) && taken.text.contains("exists already"), "\(taken.text)")
        let ids = try await couponctl(["completion", "ids"] + address)
        #expect(ids.end == .code(0) && ids.text == "7", "\(ids.text)")
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `a context keeps how a daemon is reached`() async throws {
        let world = try await World()
        let daemon = try await world.daemon()
        let places = ["XDG_CONFIG_HOME": world.folder.file("config")]
        let address = "127.0.0.1:\(daemon.port)"
        for (name, place) in [("here", address), ("away", "127.0.0.1:1")] {
            let run = try await couponctl(
                ["context", "add", name, "--address", place], environment: places)
            #expect(run.end == .code(0), "\(run.text)")
        }
        let list = try await couponctl(["context", "list"], environment: places)
        #expect(list.text.contains("*  here  \(address)"), "\(list.text)")
        #expect(try await couponctl(["health"], environment: places).end == .code(0))
        let away = ["health", "--context", "away"]
        #expect(try await couponctl(away, environment: places).end == .code(69))
        let variable = places.merging(["COUPONCTL_ADDRESS": "127.0.0.1:1"]) { $1 }
        #expect(try await couponctl(["health"], environment: variable).end == .code(69))
        let named = ["health", "--context", "here"]
        #expect(try await couponctl(named, environment: variable).end == .code(0))
        let unknown = try await couponctl(["health", "--context", "none"], environment: places)
        #expect(unknown.end == .code(64) && unknown.text.contains("none"), "\(unknown.text)")
        #expect(try await daemon.stop() == .code(0))
    }

    @Test(arguments: ["bash", "zsh", "fish"])
    func `a shell's completions know the commands and ask for ids`(_ shell: String) async throws {
        let run = try await couponctl(["completion", shell])
        #expect(run.end == .code(0))
        for word in ["couponctl completion ids", "dead-letter", "wait-issued"] {
            #expect(run.text.contains(word), "\(shell): \(word)")
        }
        guard shell == "bash" else { return }
        let folder = try TemporaryFolder()
        let file = try folder.write(run.text, to: "completion")
        let check = try await CommandRun("/bin/bash", ["-n", file])
        #expect(check.end == .code(0), "\(check.text)")
    }
}
