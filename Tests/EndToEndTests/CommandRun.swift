/// A command, run to its end.
import Foundation
import TestSupport
import TestWorld
import Testing

/// What a command printed, and how it ended.
struct CommandRun {
    let end: ProcessEnd
    /// Standard output and standard error.
    let text: String

    init(
        _ executable: String, _ arguments: [String], environment: [String: String] = [:],
        passed: [Int32] = []
    ) async throws {
        let folder = try TemporaryFolder()
        // The contexts of the person who runs the tests stay out of them.
        let environment = ["XDG_CONFIG_HOME": folder.path].merging(environment) { $1 }
        let process = try ServerProcess(
            executable, arguments: arguments, environment: environment, in: folder.path,
            passed: passed)
        end = try await process.waitForEnd(within: .seconds(180))
        text = process.logText
    }

    /// The one line of JSON that a program with `--json` prints.
    var json: [String: Value] {
        (try? JSONDecoder().decode([String: Value].self, from: Data(text.utf8))) ?? [:]
    }

    subscript(key: String) -> Value? { json[key] }

    /// A number or a text in JSON; `other` for anything else.
    enum Value: Decodable, Equatable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
        case text(String)
        case number(Int64)
        case other

        init(stringLiteral value: String) { self = .text(value) }
        init(integerLiteral value: Int64) { self = .number(value) }

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let text = try? container.decode(String.self) {
                self = .text(text)
            } else if let number = try? container.decode(Int64.self) {
                self = .number(number)
            } else {
                self = .other
            }
        }
    }
}
