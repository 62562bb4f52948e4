/// Configuration files of tests.
import TestSupport

@testable import coupond

struct ConfigurationFolder {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// The path of a file with this text.
    func write(_ text: String) throws -> String { try folder.write(text, to: "coupond.conf") }
}

/// The mistakes of a configuration.
func problems(
    flags: [String: String] = [:], environment: [String: String] = [:]
) async -> [ConfigurationProblem] {
    do {
        _ = try await Configuration(flags: flags, environment: environment)
        return []
    } catch let error as ConfigurationError {
        return error.problems
    } catch {
        return [.init(origin: "unexpected", text: "\(error)")]
    }
}
