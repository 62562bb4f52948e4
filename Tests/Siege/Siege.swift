/// `make siege`: honest callers beside attackers.
internal import ArgumentParser
internal import Foundation
internal import Glibc
internal import TestSupport

@main
struct Siege: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "siege",
        abstract: "Attacks a daemon, and measures what honest callers notice.",
        subcommands: [Run.self, Echo.self], defaultSubcommand: Run.self)
}

struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Runs the attacks, one after the other.")

    @Flag(help: "Use a tenth of the attackers. Judges counts, but not times.")
    var small = false
    @Option(help: "Run only these attacks, separated by commas.") var only = ""
    @Option(help: "How long each attack lasts; by default 60, or 3 if small.") var seconds: Int?
    @Option(help: "Requests a second of the honest callers.") var rate = 500
    @Option(help: "The folder for the daemons' logs of failed attacks.")
    var evidence = ".local/siege"

    func validate() throws {
        let unknown = names.filter { name in !Attack.all.contains { $0.name == name } }
        guard unknown.isEmpty else {
            let known = Attack.all.map(\.name).joined(separator: ", ")
            throw ValidationError(
                "unknown attack: \(unknown.joined(separator: ", ")); the attacks are \(known)")
        }
    }

    func run() async throws {
        raiseDescriptorLimit()
        signal(SIGPIPE, SIG_IGN)
        let scene = try await SiegeScene(
            isSmall: small, seconds: seconds ?? (small ? 3 : 60), rate: small ? rate / 5 : rate,
            evidence: evidence)
        var report = SiegeReport(isSmall: small)
        for attack in Attack.all where names.isEmpty || names.contains(attack.name) {
            let outcome = await scene.play(attack)
            say(report.line(of: outcome))
            report.outcomes.append(outcome)
        }
        for line in report.table { say(line) }
        if !report.isGood { throw ExitCode.failure }
    }

    private var names: [String] { only.split(separator: ",").map { String($0) } }

    /// Thousands of connections need as many descriptors, here and in the daemon, which inherits the limit.
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
