/// Many users want one coupon while servers and daemons die, and what each was told.
import CouponClient
import CouponCore
import CouponWire
import NIOCore
import Synchronization
import TestSupport
import Testing

/// The suites that kill, stop and overload: one test at a time, since each wants the whole machine.
@Suite(.machine(.overloading), .serialized, .timeLimit(.minutes(2))) struct FaultTests {}

/// A sale to many users, who ask any of the daemons, and again where that may help.
final class Load: Sendable {
    /// What one user has lived through. Moments are numbers of one count over all users.
    struct Story: Sendable {
        let requestID = RequestID.random()
        var attempts: UInt32 = 0
        var firstSent: Int?
        /// When the user first knew its sequence.
        var sequenceKnown: Int?
        /// Every sequence that an answer named.
        var sequences: [Int64] = []
        var wasToldIssued = false
        /// The last word; nil while the user still asks.
        var end: Outcome?
        var failures: [ClientError] = []
    }

    let world: World
    let coupon: CouponID
    let total: Int
    let users: [Int64]
    private let clients = Mutex<[(port: Int, client: CouponClient)]>([])
    private let waiting: Mutex<[Int64]>
    private let moments = Atomic<Int>(0)
    private let book = Mutex<[Int64: Story]>([:])

    /// A coupon, created through `daemon`, which is also the first to be asked.
    /// - Parameter total: half as many as there are users.
    init(_ world: World, through daemon: Daemon, coupon id: Int64 = 1, total: Int) async throws {
        self.world = world
        self.total = total
        coupon = CouponID(id)
        users = (1...Int64(2 * total)).shuffled()
        waiting = Mutex(users)
        _ = try await daemon.client.create(.offer(id, total: Int64(total)))
        add(daemon)
    }

    var stories: [Int64: Story] { book.withLock { $0 } }

    /// How many users hold a sequence.
    var accepted: Int { book.withLock { $0.values.count { !$0.sequences.isEmpty } } }

    // MARK: The daemons

    /// Users ask this daemon as well, on several connections: each event loop has some.
    func add(_ daemon: Daemon) {
        let address = ServerAddress(host: "127.0.0.1", port: daemon.port)
        clients.withLock { clients in
            clients += (0..<4).map { _ in (daemon.port, CouponClient(address: address)) }
        }
    }

    /// Users ask this daemon no more.
    func remove(_ daemon: Daemon) { clients.withLock { $0.removeAll { $0.port == daemon.port } } }

    // MARK: The users

    /// Lets users ask until they know, or until `patience` has passed.
    /// - Parameters:
    ///   - count: how many; nil for all who have not asked yet.
    ///   - callers: users at a time.
    func run(
        first count: Int? = nil, callers: Int = 24, patience: Duration = .seconds(60)
    ) async {
        let deadline = ContinuousClock.now + patience
        let chosen = waiting.withLock { waiting in
            defer { waiting.removeFirst(min(count ?? .max, waiting.count)) }
            return waiting.prefix(count ?? .max)
        }
        await withTaskGroup(of: Void.self) { group in
            for (number, user) in chosen.enumerated() {
                if number >= callers { await group.next() }
                group.addTask { await self.ask(user, until: deadline) }
            }
        }
    }

    /// Lets those without a row ask again, by the same request id: what Redis lost is free.
    func askAgain() async throws {
        let rows = try self.rows()
        waiting.withLock { $0 = users.filter { rows[$0] == nil } }
        await run()
    }

    /// Waits until so many users hold a sequence.
    func reach(accepted count: Int) async throws {
        try await eventually("\(count) accepted", within: .seconds(40)) { accepted >= count }
    }

    private func ask(_ user: Int64, until deadline: ContinuousClock.Instant) async {
        var policy = RetryPolicy()
        policy.longestPauseMilliseconds = 250
        while !Task.isCancelled, ContinuousClock.now < deadline {
            guard let client = clients.withLock({ $0.randomElement()?.client }) else {
                try? await Task.sleep(for: .milliseconds(10))
                continue
            }
            do throws(ClientError) {
                let outcome = try await client.issue(request(user), deadline: .seconds(10))
                note(user) { $0.learn(outcome, at: $1) }
                return
            } catch {
                note(user) { $0.learn(error, at: $1) }
                policy.tries = stories[user, default: Story()].attempts + 1
                guard
                    let pause = policy.pause(
                        before: min(policy.tries - 1, 4), after: error, jitter: .random(in: 0...1))
                else { return }
                try? await Task.sleep(for: .milliseconds(pause))
            }
        }
    }

    /// The user's next try. Every other user waits for ISSUED.
    private func request(_ user: Int64) -> IssueRequest {
        let story = note(user) { story, moment in
            story.firstSent = story.firstSent ?? moment
            story.end = nil
        }
        defer { note(user) { story, _ in story.attempts += 1 } }
        return IssueRequest(
            coupon: coupon, user: UserID(user), requestID: story.requestID,
            waitFor: user.isMultiple(of: 2) ? .issued : .accepted, attempt: story.attempts)
    }

    @discardableResult
    private func note(_ user: Int64, _ change: (inout Story, Int) -> Void) -> Story {
        let moment = moments.add(1, ordering: .sequentiallyConsistent).newValue
        return book.withLock { book in
            change(&book[user, default: Story()], moment)
            return book[user, default: Story()]
        }
    }
}

extension CouponClient {
    /// What one try of a request ends with, the failure as a value.
    func answer(
        to request: IssueRequest, within deadline: TimeAmount
    ) async -> Result<Outcome, ClientError> {
        do throws(ClientError) {
            return .success(try await issue(request, deadline: deadline))
        } catch {
            return .failure(error)
        }
    }
}

extension Load.Story {
    fileprivate mutating func learn(_ outcome: Outcome, at moment: Int) {
        end = outcome
        switch outcome {
        case .accepted(let sequence): hold(sequence, moment)
        case .issued(let sequence, _):
            wasToldIssued = true
            hold(sequence, moment)
        case .duplicate(let sequence, _), .rejected(let sequence, _): sequences.append(sequence)
        case .soldOut, .notOpen, .ended, .paused, .closed, .notFound: break
        }
    }

    fileprivate mutating func learn(_ error: ClientError, at moment: Int) {
        failures.append(error)
        guard case .accepted(let sequence) = error.acceptance else { return }
        hold(sequence, moment)
        if !RetryPolicy.mayHelp(after: error) { end = .accepted(sequence: sequence) }
    }

    private mutating func hold(_ sequence: Int64, _ moment: Int) {
        sequences.append(sequence)
        sequenceKnown = sequenceKnown ?? moment
    }
}
