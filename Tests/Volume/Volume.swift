/// `make volume`: how release daemons with real servers handle large states.
internal import ArgumentParser
internal import Dispatch
internal import Foundation
internal import TestSupport

@main
struct Volume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "volume",
        abstract: "Makes large states, and measures how the daemon handles them.")

    @Flag(help: "Use a hundredth of each size or less. Judges counts and ends, but not times.")
    var small = false
    @Option(help: "Run only these cases, separated by commas.") var only = ""
    @Option(help: "Run 1 or 3 daemons instead of each case's own number.") var daemons: Int?
    @Option(help: "Exit with 1 if all cases together take more seconds than this.")
    var atMost: Double?
    @Option(help: "The folder for the daemons' logs of failed cases.")
    var evidence = ".local/volume"

    func validate() throws {
        guard daemons.map({ [1, 3].contains($0) }) ?? true else {
            throw ValidationError("--daemons must be 1 or 3")
        }
        let unknown = names.filter { name in !Case.all.contains { $0.name == name } }
        guard unknown.isEmpty else {
            let known = Case.all.map(\.name).joined(separator: ", ")
            throw ValidationError(
                "unknown case: \(unknown.joined(separator: ", ")); the cases are \(known)")
        }
    }

    func run() async throws {
        raiseDescriptorLimit()
        signal(SIGPIPE, SIG_IGN)
        let work = Task { try await playAll() }
        // Ctrl-C ends the case in order, so it leaves no process behind.
        let sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number)
            source.setEventHandler { work.cancel() }
            source.resume()
            return source
        }
        defer { for source in sources { source.cancel() } }
        try await work.value
    }

    private var names: [String] { only.split(separator: ",").map { String($0) } }

    private func playAll() async throws {
        var report = Report(isSmall: small, atMost: atMost)
        say(report.heading)
        let servers = try await PostgresServer(Scene.postgresSettings)
        if !small { try await onOwnThread { try Scene.prepareLog(of: servers) } }
        for theCase in Case.all where names.isEmpty || names.contains(theCase.name) {
            guard names.contains(theCase.name) || !small || !theCase.isOnlyFull else { continue }
            for count in daemons.map({ [$0] }) ?? theCase.numbers(isSmall: small) {
                let outcome = await theCase.play(
                    on: servers, daemons: count, isSmall: small, evidence: evidence)
                guard !Task.isCancelled else { throw ExitCode.failure }
                say(report.line(of: outcome))
                report.outcomes.append(outcome)
            }
        }
        for line in report.table { say(line) }
        if !report.isGood { throw ExitCode.failure }
    }

    /// Thousands of connections need as many descriptors, here and in the daemons, which inherit the limit.
    private func raiseDescriptorLimit() {
        var limit = rlimit()
        unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = limit.rlim_max
        unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}

/// Prints a line without buffering, also into a pipe.
func say(_ line: String) {
    try? FileHandle.standardOutput.write(contentsOf: Data((line + "\n").utf8))
}
