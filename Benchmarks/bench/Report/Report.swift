/// The report: figures with their raw values, and the machine.
internal import Foundation

/// One figure and its raw values.
struct Figure: Codable {
    let key: String
    let value: Double
    /// Whether its goal is met; nil without a goal.
    let isMet: Bool?
    let goal: String
    /// The repeated measurements of the subject and of the baseline, in order.
    let subject: [Double]
    let baseline: [Double]
    let unit: String

    /// The ratio of two medians.
    static func ratio(
        _ key: String, _ subject: [Double], to baseline: [Double], unit: String
    ) -> Figure {
        make(key, subject.median / baseline.median, subject, baseline, unit)
    }

    /// A figure without a baseline.
    static func plain(_ key: String, _ value: Double, of raw: [Double], unit: String) -> Figure {
        make(key, value, raw, [], unit)
    }

    private static func make(
        _ key: String, _ value: Double, _ subject: [Double], _ baseline: [Double], _ unit: String
    ) -> Figure {
        let goal = Goal.all.first { $0.key == key }
        return Figure(
            key: key, value: value, isMet: goal?.isMet(by: value), goal: goal?.text ?? "",
            subject: subject, baseline: baseline, unit: unit)
    }
}

/// The whole run.
struct Report: Codable {
    let machine: [String: String]
    var figures: [Figure] = []
    /// Further measurements that help to judge the figures, such as the generator's own limit.
    var context: [Figure] = []
    /// The keys that could not be measured, with the reasons.
    var failures: [String: String] = [:]

    /// Writes everything as JSON.
    func write(to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try encoder.encode(self).write(to: URL(fileURLWithPath: path))
    }

    /// The table, in the order of the goals.
    var lines: [String] {
        var rows = [["KEY", "FIGURE", "GOAL", "", "MEASURED", "AGAINST", "UNIT"]]
        for goal in Goal.all {
            if let figure = figures.first(where: { $0.key == goal.key }) {
                rows.append(row(figure))
            } else if failures[goal.key] != nil {
                rows.append([goal.key, "-", goal.text, "FAILED", "", "", ""])
            }
        }
        rows += context.map(row)
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        let table = rows.map { row in
            zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
                .joined(separator: "  ")
        }
        return table + failures.sorted { $0.key < $1.key }.map { "\n\($0.key) failed: \($0.value)" }
    }

    private func row(_ figure: Figure) -> [String] {
        let verdict = figure.isMet.map { $0 ? "met" : "NOT MET" } ?? ""
        return [
            figure.key, formatted(figure.value), figure.goal, verdict,
            figure.subject.isEmpty ? "" : formatted(figure.subject.median),
            figure.baseline.isEmpty ? "" : formatted(figure.baseline.median), figure.unit,
        ]
    }
}

/// The machine and the settings of the run.
func describeMachine() -> [String: String] {
    var machine: [String: String] = [:]
    let cpu = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    machine["cpu"] = cpu.split(separator: "\n").first { $0.hasPrefix("model name") }
        .map { $0.drop { $0 != ":" }.dropFirst().trimmingCharacters(in: .whitespaces) }
    machine["cores"] = String(ProcessInfo.processInfo.activeProcessorCount)
    machine["memory_mib"] = String(ProcessInfo.processInfo.physicalMemory >> 20)
    machine["kernel"] =
        (try? String(contentsOfFile: "/proc/sys/kernel/osrelease", encoding: .utf8))?
        .trimmingCharacters(in: .newlines)
    machine["load_before"] = (try? String(contentsOfFile: "/proc/loadavg", encoding: .utf8))?
        .trimmingCharacters(in: .newlines)
    machine["time"] = ISO8601DateFormatter().string(from: Date())
    machine["redis"] = Stage.redisSettings.joined(separator: " ") + " --appendfsync always"
    machine["postgres"] = Stage.postgresSettings.joined(separator: " ") + " fsync=on"
    return machine
}
