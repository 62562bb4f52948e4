internal import ArgumentParser
internal import CouponClient
internal import CouponCore
internal import Glibc

/// An error as couponctl shows it: what failed, where, what to do, and the exit code.
struct Complaint: Error, Equatable {
    /// One line for people.
    let message: String
    /// What the process exits with.
    let exit: CommandExit
    /// What is known of an issue request.
    let acceptance: Acceptance

    init(_ error: ClientError, address: ServerAddress) {
        message = Self.message(error, address)
        acceptance = error.acceptance
        exit = Self.exit(error)
    }

    /// Writes the message to standard error, the figures to standard output if JSON is wanted.
    /// - Returns: What to throw.
    func reported(asJSON: Bool) -> ExitCode {
        standardError("couponctl: \(message)\n")
        if asJSON {
            var members: [(String, JSONValue)] = [
                ("error", .string(message)), ("acceptance", .acceptance(acceptance)),
            ]
            if case .accepted(let sequence) = acceptance {
                members.append(("sequence", .integer(sequence)))
            }
            print(JSONValue.object(members))
        }
        return exit.code
    }

    private static func message(_ error: ClientError, _ address: ServerAddress) -> String {
        switch error {
        case .cannotConnect: "\(error). Is coupond running?"
        case .refused(let failure): "coupond at \(address) refused: \(failure.message)"
        case .givenUp(_, let last):
            "\(message(last, address)). An earlier try may have been accepted"
        case .connectionLost, .deadlineExceeded:
            "\(address): \(error). The request may have succeeded: check before you repeat it"
        case .notConnected, .tooManyInFlight, .wrongAnswer: "\(address): \(error)"
        }
    }

    private static func exit(_ error: ClientError) -> CommandExit {
        switch error {
        case .cannotConnect, .notConnected, .tooManyInFlight: .unavailable
        case .connectionLost, .deadlineExceeded, .givenUp: .unknown
        case .wrongAnswer: .daemonFailed
        case .refused(let failure) where failure.acceptance != .notAccepted: .unknown
        case .refused(let failure): exit(failure.code)
        }
    }

    private static func exit(_ code: StatusCode) -> CommandExit {
        switch code {
        case .invalidArgument: .usage
        case .notFound, .alreadyExists, .failedPrecondition: .negative
        case .unavailable, .resourceExhausted, .deadlineExceeded: .unavailable
        case .unimplemented, .internal: .daemonFailed
        case .permissionDenied, .unauthenticated: .notAllowed
        }
    }
}

/// What the process exits with; numbers from sysexits.h if it has one.
enum CommandExit: Int32 {
    /// The answer is no, or an account does not add up.
    case negative = 1
    /// The command is written wrongly.
    case usage = 64
    /// The daemon cannot be reached, or cannot do it now.
    case unavailable = 69
    /// The daemon failed.
    case daemonFailed = 70
    /// The result is unknown; ask again.
    case unknown = 75
    /// A token is missing or wrong.
    case notAllowed = 77

    /// For ArgumentParser.
    var code: ExitCode { ExitCode(rawValue) }
}

/// Writes to standard error, because standard output is for programs.
func standardError(_ text: String) {
    var text = text
    // A closed standard error is no reason to fail.
    text.withUTF8 { bytes in _ = unsafe write(STDERR_FILENO, bytes.baseAddress, bytes.count) }
}
