/// What a run prints: a line for each case, and a table of all figures at the end.
internal import TestWorld

struct Report: Sendable {
    let isSmall: Bool
    /// How many seconds all cases together may take; nil if this is not judged.
    var atMost: Double?
    var outcomes: [CaseResult] = []

    private var seconds: Double { outcomes.reduce(0) { $0 + $1.seconds } }
    private var tookTooLong: Bool { atMost.map { seconds > $0 } ?? false }

    /// False if a case did not reach its end, or missed a goal that this run judges.
    var isGood: Bool {
        !tookTooLong
            && outcomes.allSatisfy { outcome in
                outcome.failure == nil
                    && outcome.theCase.goals.allSatisfy { verdict($0, outcome) != .missed }
            }
    }

    private func verdict(_ goal: Goal, _ outcome: CaseResult) -> Goal.Verdict {
        goal.verdict(of: outcome.figures[goal.key], isSmall: isSmall)
    }

    // MARK: One line for each case

    var heading: String { Self.columns("CASE", "DAEMONS", "TOOK", "FIGURES") }

    func line(of outcome: CaseResult) -> String {
        var parts = outcome.theCase.goals.compactMap { goal in
            outcome.figures[goal.key].map { "\(goal.key) \(formatted($0)) \(goal.unit)".trimmed }
        }
        if let failure = outcome.failure { parts.append("FAILED: \(failure)") }
        return Self.columns(
            outcome.theCase.name, "\(outcome.daemons)", "\(formatted(outcome.seconds)) s",
            parts.joined(separator: ", "))
    }

    private static func columns(
        _ name: String, _ daemons: String, _ took: String, _ figures: String
    ) -> String {
        [name.padded(to: 16), daemons.padded(to: 7), took.padded(to: 7), figures]
            .joined(separator: "  ")
    }

    // MARK: The table at the end

    var table: [String] {
        var rows = [["KEY", "DAEMONS", "FIGURE", "GOAL", "UNIT", ""]]
        for outcome in outcomes {
            for goal in outcome.theCase.goals {
                rows.append([
                    "\(outcome.theCase.name)_\(goal.key)".replacing("-", with: "_"),
                    "\(outcome.daemons)", outcome.figures[goal.key].map(formatted) ?? "-",
                    goal.text,
                    goal.unit, verdict(goal, outcome).rawValue,
                ])
            }
        }
        let bound = atMost.map {
            ", which is \(tookTooLong ? "more" : "not more") than \(Int($0)) s"
        }
        let failed = outcomes.count { $0.failure != nil }
        return [""] + AlignedTable.lines(rows) + [
            "",
            "volume: \(outcomes.count) cases in \(Int(seconds)) s\(bound ?? ""), "
                + "\(failed) did not reach their end",
        ]
    }
}

extension Goal {
    /// Epochs of partition 0 since the case called `markEpochs`.
    static let epochs = count("epochs", .atMost(1))
    /// The lines about a lost session in the logs of all daemons.
    static let sessionsLost = count("sessions_lost", .atMost(0))
}
