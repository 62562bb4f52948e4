internal import Glibc
internal import Synchronization

/// How many answers have arrived, as a bar on standard error if that is a terminal.
final class Progress: Sendable {
    private let label: String
    private let total: Int
    private let answered = Atomic<Int>(0)

    init(_ label: String, total: Int) {
        self.label = label
        self.total = total
    }

    /// Counts answers; from any thread.
    func advance(by count: Int) { answered.add(count, ordering: .relaxed) }

    /// Shows the bar until the task is cancelled.
    func show() async {
        guard isatty(STDERR_FILENO) == 1 else { return }
        while (try? await Task.sleep(for: .milliseconds(100))) != nil {
            standardError("\r" + line(answered.load(ordering: .relaxed)))
        }
        // Back to the line's beginning, and clear it.
        standardError("\r\u{1B}[K")
    }

    private func line(_ answered: Int) -> String {
        let width = 40
        let filled = total == 0 ? width : min(width, answered * width / total)
        let bar =
            String(repeating: "#", count: filled) + String(repeating: ".", count: width - filled)
        return "\(label) [\(bar)] \(answered)/\(total)"
    }
}
