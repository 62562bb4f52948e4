internal import ArgumentParser
internal import CouponClient
internal import CouponCore

/// An error as couponctl shows it: what failed, where, what to do, and the exit code.
struct Complaint: Error, Equatable {
    /// One line for people.
    let message: String
    /// What the process exits with.
    let exit: CommandExit
    /// What is known of the request.
    let acceptance: Acceptance
    /// When to try again, in milliseconds, if the daemon says so.
    let retryAfterMilliseconds: UInt32?

    /// - Parameter reading: whether the command changes nothing. Then its fate is never unknown.
    init(_ error: ClientError, address: ServerAddress, reading: Bool = false) {
        message = Self.message(error, address, reading).safeForTerminal
        acceptance = reading ? .notAccepted : error.acceptance
        exit = Self.exit(error, acceptance)
        retryAfterMilliseconds = Self.retryAfter(error)
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
            if let retryAfterMilliseconds {
                members.append(("retry_after_ms", .integer(Int64(retryAfterMilliseconds))))
            }
            // The exit code says that something failed already.
            try? Output.write([JSONValue.object(members).description])
        }
        return exit.code
    }

    private static func message(
        _ error: ClientError, _ address: ServerAddress, _ reading: Bool
    ) -> String {
        switch error {
        case .cannotConnect(_, let reason):
            reason.contains("TLS") || reason.contains("certificate")
                ? "\(error)" : "\(error). Is coupond running?"
        case .refused(let failure):
            "coupond at \(address) refused: \(failure.message)" + next(failure, reading)
        case .givenUp(_, let last):
            "\(message(last, address, reading)). An earlier try may have been accepted"
        case .connectionLost, .deadlineExceeded, .cancelled(wasSent: true):
            "\(address): \(error)"
                + (reading
                    ? "" : ". The request may have succeeded: check before you repeat it")
        case .notConnected, .tooManyInFlight, .wrongAnswer, .cancelled: "\(address): \(error)"
        }
    }

    /// What to do about a refusal whose text only says what is wrong.
    private static func next(_ failure: Failure, _ reading: Bool) -> String {
        if !reading, failure.acceptance == .unknown {
            return ". The request may have succeeded: check before you repeat it"
        }
        if let milliseconds = failure.retryAfterMilliseconds {
            return ". Ask again in \(milliseconds) ms"
        }
        return switch failure.code {
        case .unavailable: ". `couponctl health` says what is missing"
        case .resourceExhausted, .deadlineExceeded: ". Ask again later"
        case .internal: ". The daemon's log has the reason"
        case .unimplemented: ". Use a couponctl of the daemon's version"
        case .invalidArgument, .notFound, .alreadyExists, .failedPrecondition, .permissionDenied,
            .unauthenticated:
            ""
        }
    }

    private static func retryAfter(_ error: ClientError) -> UInt32? {
        switch error {
        case .refused(let failure): failure.retryAfterMilliseconds
        case .givenUp(_, let last): retryAfter(last)
        default: nil
        }
    }

    private static func exit(_ error: ClientError, _ acceptance: Acceptance) -> CommandExit {
        switch error {
        case .wrongAnswer: .daemonFailed
        case _ where acceptance != .notAccepted: .unknown
        case .refused(let failure): exit(failure.code)
        case .givenUp(_, let last): exit(last, acceptance)
        case .cannotConnect, .notConnected, .tooManyInFlight, .connectionLost, .deadlineExceeded,
            .cancelled:
            .unavailable
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
    /// Standard output could not be written.
    case outputLost = 74
    /// The result is unknown; ask again.
    case unknown = 75
    /// A token is missing or wrong.
    case notAllowed = 77

    /// For ArgumentParser.
    var code: ExitCode { ExitCode(rawValue) }
}
