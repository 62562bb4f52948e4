/// The format of log lines.
internal import Glibc

enum LogFormat: String, CaseIterable, Sendable {
    case auto, json, text

    /// Whether lines to this descriptor are JSON.
    func isJSON(for descriptor: Int32) -> Bool {
        switch self {
        case .json: true
        case .text: false
        case .auto: isatty(descriptor) == 0
        }
    }
}
