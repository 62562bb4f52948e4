/// What a run prints: a line for each attack, and a table of all figures at the end.
internal import TestWorld

struct SiegeReport: Sendable {
    /// What a daemon with default settings may need, in MiB.
    static let memoryBudget = 768.0
    /// A small run has no echo server, and knows no ratios.
    private static let fullGoals: [Goal] = [
        .time("p99_ratio", .atMost(2), "of beside the echo"),
        .time("goodput", .atLeast(0.8), "of beside the echo"),
        .time("p99_echo", .recorded, "ms"),
    ]

    let isSmall: Bool
    var outcomes: [AttackResult] = []

    private var goals: [Goal] {
        [
            .count("answered", isSmall ? .atLeast(1) : .recorded, "of all"),
            .count("newcomers", isSmall ? .atLeast(1) : .recorded, "of all"),
            .count("answered_after", .atLeast(1), "of all"),
            .count("left", .atMost(0), "connections"), .seconds("back", atMost: 5),
            .count("memory", .atMost(Self.memoryBudget), "MiB"),
            .count("limited", .recorded), .time("p99", .recorded, "ms"),
        ] + (isSmall ? [] : Self.fullGoals)
    }

    /// False if an attack did not reach its end, or a goal that this run judges was missed.
    var isGood: Bool {
        outcomes.allSatisfy { outcome in
            outcome.failure == nil
                && goals.allSatisfy { verdict($0, outcome) != .missed }
        }
    }

    private func verdict(_ goal: Goal, _ outcome: AttackResult) -> Goal.Verdict {
        goal.verdict(of: outcome.figures[goal.key], isSmall: isSmall)
    }

    func line(of outcome: AttackResult) -> String {
        var parts = goals.compactMap { goal in
            outcome.figures[goal.key].map { "\(goal.key) \(formatted($0))" }
        }
        if let failure = outcome.failure { parts.append("FAILED: \(failure)") }
        return outcome.attack.name.padded(to: 16) + parts.joined(separator: ", ")
    }

    var table: [String] {
        var rows = [["ATTACK", "KEY", "FIGURE", "GOAL", "UNIT", ""]]
        for outcome in outcomes {
            for goal in goals {
                rows.append([
                    outcome.attack.name, goal.key, outcome.figures[goal.key].map(formatted) ?? "-",
                    goal.text, goal.unit, verdict(goal, outcome).rawValue,
                ])
            }
        }
        let failed = outcomes.count { $0.failure != nil }
        return [""] + AlignedTable.lines(rows) + [
            "", "siege: \(outcomes.count) attacks, \(failed) did not reach their end",
        ]
    }
}
