/// `make bench`: coupond beside its alternatives, in one run on one machine. Subject and baseline are
/// measured in turns, and their medians are compared.
internal import ArgumentParser
internal import Foundation

@main
struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures coupond against Redis, PostgreSQL and a plain consumer.")

    @Option(help: "Measure only these keys, separated by commas. Default: all.") var only = ""
    @Option(help: "The file for the figures, as JSON.") var output = "bench/results.json"

    func run() async throws {
        raiseDescriptorLimit()
        signal(SIGPIPE, SIG_IGN)
        let keys = only.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        let unknown = keys.filter { key in !Goal.all.contains { $0.key == key } }
        guard unknown.isEmpty else {
            throw ValidationError("unknown key: \(unknown.joined(separator: ", "))")
        }
        var report = Report(machine: describeMachine())
        let stage = try await Stage()
        for measurement in Measurement.all
        where keys.isEmpty || measurement.keys.contains(where: keys.contains) {
            say("measuring \(measurement.keys.joined(separator: ", "))")
            do {
                for figure in try await measurement.run(stage) {
                    let isGoal = Goal.all.contains { $0.key == figure.key }
                    if isGoal {
                        report.figures.append(figure)
                    } else {
                        report.context.append(figure)
                    }
                }
            } catch {
                for key in measurement.keys { report.failures[key] = "\(error)" }
            }
        }
        for line in report.lines { print(line) }
        try report.write(to: output)
        if !report.failures.isEmpty { throw ExitCode.failure }
    }

    private func say(_ text: String) {
        FileHandle.standardError.write(Data((text + "\n").utf8))
    }

    /// Ten thousand connections need as many descriptors, here and in the daemon, which inherits the limit.
    private func raiseDescriptorLimit() {
        var limit = rlimit()
        unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = limit.rlim_max
        unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}
