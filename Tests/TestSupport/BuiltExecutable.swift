/// The programs that the build made, and the repository.
internal import Foundation

/// The path of an executable of this package, beside the test binary.
/// - Parameter name: the product's name, such as `coupond`. The test target must depend on it.
public func builtExecutable(_ name: String) -> String {
    URL(fileURLWithPath: CommandLine.arguments[0]).absoluteURL.deletingLastPathComponent()
        .appendingPathComponent(name).path
}

/// The path of the repository's folder.
public let repositoryRoot = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path
