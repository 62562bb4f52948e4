/// `coupond reload`: ExecReload= of the unit. SIGHUP alone would not show if the reload has failed.
internal import ArgumentParser
internal import CouponCore
internal import Glibc

struct ReloadServiceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract: "Make a service of systemd reload its settings, and wait for the result.",
        discussion: """
            For ExecReload= of its unit: RUNTIME_DIRECTORY must be the service's. It ends with 0 if \
            the daemon has reloaded, and with 1 and the reason if nothing has changed. couponctl \
            reload does the same for a daemon that you can connect to.
            """)

    @Argument(help: "The process id of the daemon: $MAINPID.")
    var process: Int32

    func validate() throws {
        if process < 1 { throw ValidationError("a process id must be at least 1") }
    }

    func run() async throws {
        guard let path = ReloadResults.path(environment()) else {
            try fail("RUNTIME_DIRECTORY is not set: run it by ExecReload=", EX_USAGE)
        }
        let before = ReloadResults.entry(inFile: path)
        guard let before, before.processID == process else {
            try fail("process \(process) is not a coupond of this service", EX_UNAVAILABLE)
        }
        // If one is running it may have read the files already.
        let awaited = before.number + 1
        guard kill(process, SIGHUP) == 0 else {
            try fail("process \(process) cannot be signalled: \(systemError(errno))", EX_NOPERM)
        }
        for _ in 0..<Limits.reloadSeconds * 50 {
            try await Task.sleep(for: .milliseconds(20))
            guard let now = ReloadResults.entry(inFile: path), now.processID == process,
                now.number >= awaited
            else { continue }
            switch now.state {
            case .done(let text): return try answer(text)
            case .failed(let reason): try fail("the reload failed: \(reason)", EXIT_FAILURE)
            case .running, .waiting: continue
            }
        }
        try fail("process \(process) has shown no result", EX_UNAVAILABLE)
    }

    private func fail(_ text: String, _ code: Int32) throws -> Never {
        writeLine(text, to: STDERR_FILENO)
        throw ExitCode(code)
    }
}
