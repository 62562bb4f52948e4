/// Many users want coupons while servers and daemons die, and each is written down.
package import CouponClient
package import CouponCore
internal import CouponWire
package import HistoryChecker
internal import NIOCore
internal import Synchronization
internal import TestSupport

/// A sale to many users, who ask any of the daemons, and again where that may help.
package final class Load: Sendable {
    /// A user who wants a coupon, by one name for all tries.
    package struct Wish: Hashable, Sendable {
        package let coupon: CouponID
        package let user: UserID
        package let requestID = RequestID.random()

        package init(_ coupon: CouponID, _ user: UserID) {
            self.coupon = coupon
            self.user = user
        }
    }

    /// How users ask.
    package struct Manners: Sendable {
        /// The deadlines that users give, in milliseconds, by turns.
        package var deadlines: [Int64] = [10_000]
        /// Whether some ask again after they were answered, by the same name and by another.
        package var doubt = false

        package init() {}
    }

    package let world: World
    package let recorder = Recorder()
    /// In the order in which they are asked for.
    package let wishes: [Wish]
    private let manners: Manners
    private let waiting: Mutex<[Wish]>
    private let clients = Mutex<[(daemon: Int, client: CouponClient)]>([])
    private let attempts = Mutex<[RequestID: UInt32]>([:])
    private let errors = Mutex<[ClientError]>([])

    /// - Parameters:
    ///   - offers: totals of the coupons; nil is unlimited.
    ///   - wishes: in the order in which they are asked for.
    package init(
        _ world: World, offers: [CouponID: Int64?], wishes: [Wish], manners: Manners = Manners()
    ) {
        self.world = world
        self.wishes = wishes
        self.manners = manners
        waiting = Mutex(wishes)
        recorder.note { $0.offers = offers }
    }

    package var history: History { recorder.history }

    /// Why calls ended without an outcome.
    package var failures: [ClientError] { errors.withLock { $0 } }

    /// How many requests were told a sequence.
    package var accepted: Int {
        Set(history.calls.filter { $0.acceptedSequence != nil }.map(\.requestID)).count
    }

    // MARK: The daemons

    /// Users ask there as well, on several connections: each event loop has some.
    /// - Parameter number: names the daemon; its port where nil.
    package func add(_ address: ServerAddress, as number: Int? = nil) {
        // Patient clients: how late an answer is, not that it was late, is written down.
        var configuration = ClientConfiguration()
        configuration.answerGrace = .seconds(2)
        clients.withLock { clients in
            clients += (0..<4).map { _ in
                (
                    number ?? address.port,
                    CouponClient(address: address, configuration: configuration)
                )
            }
        }
    }

    /// Users ask there no more.
    package func remove(_ number: Int) { clients.withLock { $0.removeAll { $0.daemon == number } } }

    // MARK: The users

    /// Lets users ask until they know, or until `patience` has passed, by ``FairClock``.
    /// - Parameters:
    ///   - count: how many; nil for all who have not asked yet.
    ///   - callers: users at a time, at most.
    ///   - spread: from the first who begins to the last, unless there are too many at a time.
    package func run(
        first count: Int? = nil, callers: Int = 24, spread: Duration = .zero,
        patience: Duration = .seconds(60)
    ) async {
        let (beginning, end) = (ContinuousClock.now, FairClock.now + patience)
        let chosen = waiting.withLock { waiting in
            defer { waiting.removeFirst(min(count ?? .max, waiting.count)) }
            return waiting.prefix(count ?? .max)
        }
        await withTaskGroup(of: Void.self) { group in
            for (number, wish) in chosen.enumerated() {
                if number >= callers { await group.next() }
                let turn = beginning + spread * number / chosen.count
                if ContinuousClock.now < turn { try? await Task.sleep(until: turn) }
                group.addTask { await self.live(wish, until: end) }
            }
        }
    }

    /// Lets those ask again, by the same request id, who have no issue, for what Redis lost is free, and
    /// those who were never told that they have one.
    package func askAgain(_ tables: Tables, patience: Duration = .seconds(60)) async {
        let served = Set(tables.issues.map { [$0.coupon.rawValue, $0.user.rawValue] })
        let answered = Set(history.calls.filter(\.isAnswer).map(\.requestID))
        waiting.withLock {
            $0 = wishes.filter {
                !served.contains([$0.coupon.rawValue, $0.user.rawValue])
                    || !answered.contains($0.requestID)
            }
        }
        await run(patience: patience)
    }

    /// Waits until so many requests were told a sequence.
    package func reach(accepted count: Int) async throws {
        try await eventually("\(count) accepted", within: .seconds(40)) { accepted >= count }
    }

    /// A user asks until it knows; some do not believe it.
    private func live(_ wish: Wish, until deadline: Duration) async {
        guard await pursue(wish, until: deadline), manners.doubt else { return }
        switch wish.user.rawValue % 8 {
        case 0: _ = await pursue(wish, until: deadline)
        case 1: _ = await pursue(Wish(wish.coupon, wish.user), until: deadline)
        default: break
        }
    }

    /// Asks until there is an answer. False where none came.
    private func pursue(_ wish: Wish, until deadline: Duration) async -> Bool {
        var policy = RetryPolicy()
        policy.longestPauseMilliseconds = 250
        policy.tries = .max
        var tries: UInt32 = 0
        while !Task.isCancelled, FairClock.now < deadline {
            guard let (daemon, client) = clients.withLock({ $0.randomElement() }) else {
                try? await Task.sleep(for: .milliseconds(10))
                continue
            }
            let answer = await recorder.ask(
                next(wish), deadlineMilliseconds: manners.deadline(of: wish), client,
                daemon: daemon)
            guard case .failure(let error) = answer else { return true }
            errors.withLock { $0.append(error) }
            if case .accepted = error.acceptance { return true }
            tries += 1
            let pause = policy.pause(
                before: min(tries, 4), after: error, jitter: .random(in: 0...1))
            try? await Task.sleep(for: .milliseconds(pause ?? 50))
        }
        return false
    }

    /// The next try of a request. Every other user waits for ISSUED.
    private func next(_ wish: Wish) -> IssueRequest {
        let attempt = attempts.withLock { attempts in
            defer { attempts[wish.requestID, default: 0] += 1 }
            return attempts[wish.requestID, default: 0]
        }
        return IssueRequest(
            coupon: wish.coupon, user: wish.user, requestID: wish.requestID,
            waitFor: wish.user.rawValue.isMultiple(of: 2) ? .issued : .accepted, attempt: attempt)
    }
}

extension Load.Manners {
    fileprivate func deadline(of wish: Load.Wish) -> Int64 {
        deadlines[Int(wish.user.rawValue) % deadlines.count]
    }
}
