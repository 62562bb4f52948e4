/// Many users of one coupon: a file with an id a line, in batches to the daemon.
internal import ArgumentParser
internal import CouponClient
internal import CouponCore
internal import CouponWire
internal import NIOCore

/// The users of a file.
enum UsersFile {
    /// - Parameter path: `-` is standard input.
    static func users(of path: String) throws -> [UserID] {
        try users(in: try CouponFile.text(of: path, "--users-file"))
    }

    /// - Throws: A usage error that names the first line that is wrong.
    static func users(in text: String) throws -> [UserID] {
        var users: [UserID] = []
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for (index, line) in lines.enumerated() {
            // Spaces are ignored around the id only: a line of two numbers is not a user id.
            var word = line.drop(while: \.isWhitespace)
            while word.last?.isWhitespace == true { word.removeLast() }
            if word.isEmpty { continue }
            guard let user = UserID(argument: String(word)) else {
                throw ValidationError("--users-file: line \(index + 1) is not the id of a user")
            }
            users.append(user)
        }
        guard !users.isEmpty else { throw ValidationError("--users-file: there is no user in it") }
        return users
    }

    /// Parts that fit in one request each.
    static func parts(_ users: [UserID]) -> [ArraySlice<UserID>] {
        stride(from: 0, to: users.count, by: Limits.usersPerBatch).map {
            users[$0..<min($0 + Limits.usersPerBatch, users.count)]
        }
    }
}

/// Asks for a coupon for a part of the users, and again for those whose request may still succeed.
///
/// The request id is made of coupon and user, so the same file may be sent again: a user who got the coupon
/// by it gets the same answer.
struct PartIssue {
    /// How it ended for each user; nil while there is no answer and the request is surely not accepted.
    private(set) var ends: [Result<Outcome, Failure>?]
    /// What the tries so far have shown of each user.
    private var known: [Acceptance]
    private var batch: IssueBatch
    /// The users of the next batch, by their place.
    private var open: [Int]
    private var tries: UInt32 = 0

    init(coupon: CouponID, users: ArraySlice<UserID>, waitFor: WaitFor) {
        // An earlier run may have asked. As retries the requests go to the gate, so a holder gets its
        // sequence, and not SOLD_OUT.
        batch = IssueBatch(
            coupon: coupon, items: users.map { Self.item(coupon, $0) }, waitFor: waitFor,
            attempt: 1)
        ends = Array(repeating: nil, count: users.count)
        known = Array(repeating: .notAccepted, count: users.count)
        open = Array(0..<users.count)
    }

    private static func item(_ coupon: CouponID, _ user: UserID) -> IssueBatch.Item {
        IssueBatch.Item(
            user: user,
            requestID: RequestID(
                high: UInt64(bitPattern: coupon.rawValue), low: UInt64(bitPattern: user.rawValue),
                length: 16))
    }

    /// - Throws: the last error if the daemon gave no answer for some user; the results so far are kept.
    mutating func run(
        _ client: CouponClient, deadline: TimeAmount, _ policy: RetryPolicy = RetryPolicy(tries: 10)
    ) async throws(ClientError) {
        let all = batch.items
        while !open.isEmpty {
            batch.items = open.map { all[$0] }
            let pause: UInt32?
            do throws(ClientError) {
                pause = keep(try await client.issue(batch, deadline: deadline), policy)
            } catch {
                tries += 1
                learn(error)
                pause = policy.pause(before: tries, after: error, jitter: .random(in: 0...1))
                if pause == nil { throw error }
            }
            batch.attempt += 1
            if let pause { try? await Task.sleep(for: .milliseconds(pause)) }
        }
    }

    /// A try of all open users ended with an error.
    private mutating func learn(_ error: ClientError) {
        for place in open {
            known[place] = known[place].afterTry(error.acceptance)
            guard known[place] != .notAccepted else { continue }
            ends[place] = .failure(.unavailable("\(error)", acceptance: known[place]))
        }
    }

    /// Keeps the answers.
    /// - Returns: the pause before the next try; nil if there is none.
    private mutating func keep(
        _ answers: [Result<Outcome, Failure>], _ policy: RetryPolicy
    ) -> UInt32? {
        tries += 1
        var (left, longest) = ([Int](), UInt32?.none)
        for (place, answer) in zip(open, answers) {
            ends[place] = answer
            guard case .failure(let failure) = answer else { continue }
            known[place] = known[place].afterTry(failure.acceptance)
            ends[place] = .failure(failure.with(acceptance: known[place]))
            let pause = policy.pause(
                before: tries, after: .refused(failure), jitter: .random(in: 0...1))
            guard let pause else { continue }
            left.append(place)
            longest = max(longest ?? 0, pause)
        }
        open = left
        return longest
    }
}

extension PartIssue {
    /// What the exit code says of all users.
    struct Summary {
        private var somebodyWasAccepted = false
        private var somebodyIsUnknown = false
        private var everybodyHasIt = true

        mutating func add(_ ends: [Result<Outcome, Failure>]) {
            for end in ends {
                let isPositive = (try? end.get().isPositive) == true
                everybodyHasIt = everybodyHasIt && isPositive
                somebodyWasAccepted = somebodyWasAccepted || isPositive
                if case .failure(let failure) = end, failure.acceptance != .notAccepted {
                    somebodyIsUnknown = true
                }
            }
        }

        /// Nil if everybody has the coupon.
        var exit: CommandExit? {
            somebodyIsUnknown ? .unknown : everybodyHasIt ? nil : .negative
        }

        /// The error to end with: its exit code must not say that nothing was accepted if something was, or
        /// may have been.
        func givenUp(after last: ClientError) -> ClientError {
            somebodyIsUnknown || somebodyWasAccepted ? .givenUp(.unknown, last: last) : last
        }
    }
}

extension UserID {
    /// What the user got, as fields.
    func fields(_ end: Result<Outcome, Failure>) -> [(String, JSONValue)] {
        let user = [("user", JSONValue.integer(rawValue))]
        switch end {
        case .success(let outcome):
            return user + [("outcome", .string(outcome.name))] + outcome.details
        case .failure(let failure):
            return user + [
                ("error", .string(failure.message.safeForTerminal)),
                ("acceptance", .acceptance(failure.acceptance)),
            ]
        }
    }
}
