/// How a line of the log looks.
internal import Glibc

enum LogFormat: String, CaseIterable, Sendable {
    case auto, json, text

    /// Whether lines are JSON, given where they go.
    func isJSON(for descriptor: Int32) -> Bool {
        switch self {
        case .json: true
        case .text: false
        case .auto: isatty(descriptor) == 0
        }
    }
}
