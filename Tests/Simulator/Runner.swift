/// Plays a range of seeds in this process, or in several.
import Glibc

struct Options {
    static let usage =
        "usage: Simulator [--seed S] [--runs N] [--workers W] [--weights W] [--failovers F] [--masters M]"
    var seed: UInt64 = .random(in: 0...UInt64(UInt32.max))
    var runs: UInt64 = 2_000
    var workers = 1
    /// How many of a thousand plays have weights.
    var weights = Play.weighted
    /// How many have several Redis servers.
    var failovers = RedisNodes.share
    /// How many have several masters at once.
    var masters = Spread.share

    /// Nil if the arguments are wrong.
    init?(_ arguments: ArraySlice<String>) {
        var rest = arguments
        while let name = rest.popFirst() {
            guard let value = rest.popFirst().flatMap({ UInt64($0) }) else { return nil }
            switch name {
            case "--seed": seed = value
            case "--runs": runs = value
            case "--workers": workers = Int(clamping: max(1, value))
            case "--weights": weights = Int(clamping: value)
            case "--failovers": failovers = Int(clamping: value)
            case "--masters": masters = Int(clamping: value)
            default: return nil
            }
        }
    }
}

/// Plays one seed after the other. Stops at the first breach, and prints its history.
struct Runner {
    let options: Options

    init(_ options: Options) { self.options = options }

    func run() -> Int32 {
        print("seed \(options.seed), \(options.runs) runs")
        let start = ContinuousClock.now
        var hash: UInt64 = 0
        var events = 0
        for offset in 0..<options.runs {
            let seed = options.seed &+ offset
            let play = play(seed, isRecording: false)
            let breach = play.run()
            hash = hash &* 31 &+ play.line.hash
            events += play.line.count
            guard breach == nil else {
                printHistory(of: seed)
                return 1
            }
        }
        let seconds = start.duration(to: .now) / .seconds(1)
        let each = seconds * 1_000 / Double(max(1, options.runs))
        print(
            "\(options.runs) runs, no breach, \(events) events, \(Int(each * 1_000)) us a run, "
                + "hash \(String(hash, radix: 16))")
        return 0
    }

    private func play(_ seed: UInt64, isRecording: Bool) -> Play {
        Play(
            seed: seed, isRecording: isRecording, weighted: options.weights,
            failovers: options.failovers, masters: options.masters)
    }

    /// Plays a seed again with a history, and prints it.
    private func printHistory(of seed: UInt64) {
        let play = play(seed, isRecording: true)
        let breach = play.run()
        for line in play.line.history { print(line) }
        print("\nseed \(seed): \(breach?.text ?? "no breach the second time")")
        let weights = options.weights == Play.weighted ? "" : " WEIGHTS=\(options.weights)"
        let failovers =
            options.failovers == RedisNodes.share ? "" : " FAILOVERS=\(options.failovers)"
        let masters = options.masters == Spread.share ? "" : " MASTERS=\(options.masters)"
        print("again: make simulate SEED=\(seed) RUNS=1\(weights)\(failovers)\(masters)")
    }
}

/// Several processes, each for a part of the seeds. Memory that plays leak is freed with the process.
struct Crew {
    /// The number of plays in one process.
    static let part: UInt64 = 20_000
    let options: Options

    init(_ options: Options) { self.options = options }

    func run() -> Int32 {
        var next: UInt64 = 0
        var running = 0
        var worst: Int32 = 0
        while running > 0 || next < options.runs {
            if running < options.workers, next < options.runs {
                let share = (options.runs + UInt64(options.workers) - 1) / UInt64(options.workers)
                let count = min(share, Self.part, options.runs - next)
                start(seed: options.seed &+ next, runs: count)
                next += count
                running += 1
                continue
            }
            var status: Int32 = 0
            _ = unsafe waitpid(-1, &status, 0)
            running -= 1
            // After a breach no new process starts.
            if status != 0 { (worst, next) = (1, options.runs) }
        }
        return worst
    }

    private func start(seed: UInt64, runs: UInt64) {
        let words = [
            CommandLine.arguments[0], "--seed", String(seed), "--runs", String(runs),
            "--weights", String(options.weights), "--failovers", String(options.failovers),
            "--masters", String(options.masters),
        ]
        var arguments = unsafe words.map { unsafe strdup($0) }
        unsafe arguments.append(nil)
        var child: pid_t = 0
        let error = unsafe posix_spawn(
            &child, "/proc/self/exe", nil, nil, arguments, environ)
        precondition(error == 0, "cannot start a worker")
    }
}
