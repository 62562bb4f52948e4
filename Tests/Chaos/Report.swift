/// Prints rounds: one line each, and the whole history of a failed one.
internal import CouponCore
internal import Foundation
internal import HistoryChecker
internal import TestSupport
internal import TestWorld

extension Verdict {
    /// One line: seed, faults, counts.
    var line: String {
        let requests = Set(history.calls.map(\.requestID)).count
        let accepted = Set(
            history.calls.filter { $0.acceptedSequence != nil }.map(\.requestID)
        ).count
        let lost = HistoryChecker().lostCount(history, against: tables)
        let stalled = history.stalls.reduce(0) { $0 + $1.to.milliseconds(since: $1.from) }
        return "seed \(schedule.seed): \(schedule): asked \(requests), accepted \(accepted),"
            + " issued \(tables.issues.count), rejected \(tables.rejections.count),"
            + " dead \(tables.deadLetters.count), lost \(lost),"
            + " statuses \(history.statuses.count), healed in \(healed.milliseconds) ms,"
            + " took \(took.milliseconds) ms, the machine stalled for \(stalled) ms:"
            + " \(breaches.isEmpty ? "kept" : "BREACH")"
    }

    private static let reportedBreaches = 10

    /// The breaches, each with the calls of the users concerned.
    var report: [String] {
        var lines = [line]
        for breach in breaches.prefix(Self.reportedBreaches) {
            lines.append("BREACH \(breach)")
            guard !breach.users.isEmpty else { continue }
            lines += history.trace(of: breach.users, breach.coupon).map { "    " + $0 }
        }
        if breaches.count > Self.reportedBreaches {
            lines.append("and \(breaches.count - Self.reportedBreaches) more")
        }
        return lines
    }
}

extension Duration {
    /// Whole milliseconds.
    var milliseconds: Int64 {
        components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000
    }
}

/// Keeps the logs and the report of a failed round.
struct Evidence {
    /// The folder of all rounds.
    let folder: String

    /// Copies the daemons' logs, and writes the report beside them.
    /// - Returns: the folder.
    func keep(_ world: World, seed: UInt64, _ report: [String]) -> String {
        let target = "\(folder)/\(seed)"
        let files = FileManager.default
        try? files.removeItem(atPath: target)
        try? files.createDirectory(atPath: target, withIntermediateDirectories: true)
        for name in (try? files.contentsOfDirectory(atPath: world.folder.path)) ?? []
        where name.hasPrefix("daemon-") {
            try? files.copyItem(
                atPath: world.folder.file(name), toPath: "\(target)/\(name)")
        }
        let text = report.joined(separator: "\n") + "\n"
        try? text.write(toFile: "\(target)/report.txt", atomically: false, encoding: .utf8)
        return target
    }
}

/// Prints a line without buffering, also into a pipe.
func say(_ line: String) {
    try? FileHandle.standardOutput.write(contentsOf: Data((line + "\n").utf8))
}
