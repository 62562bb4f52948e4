/// The text of a configuration file.
internal import Configuration
@testable import coupond

/// Whatever the text, its mistakes have a place, and each of its values is taken or refused.
func fuzzConfiguration(_ input: [UInt8]) {
    do {
        let snapshot = unsafe try LineSnapshot(
            data: input.span.bytes, providerName: "file", parsingOptions: .init(path: "fuzz"))
        for setting in Settings.inFile {
            let found = snapshot.value(forKey: AbsoluteConfigKey([setting.key]), type: .string)
            guard case .string(let text)? = found.value?.content else { continue }
            _ = setting.accepts(text)
        }
    } catch let error as ConfigurationError {
        require(!error.problems.isEmpty, "refused without a reason")
        require(
            error.problems.allSatisfy { $0.origin.hasPrefix("fuzz") }, "a mistake without a place")
    } catch {
        preconditionFailure("\(error)")
    }
}
