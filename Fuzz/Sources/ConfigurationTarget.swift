/// The text of a configuration file.
internal import Configuration
@testable import coupond

/// With any text, each mistake has a place, and each value is accepted or refused.
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
