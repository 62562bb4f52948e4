/// Many users ask for coupons while servers and daemons die. Every call is recorded.
package import CouponClient
internal import CouponCore
internal import CouponWire
package import HistoryChecker
internal import NIOCore
internal import Synchronization
internal import TestSupport

/// Users who ask any of the daemons, and retry if that may help.
package final class Traffic: Sendable {
    /// A user who wants a coupon, with one request id for all tries.
    package struct Wish: Hashable, Sendable {
        package let coupon: CouponID
        package let user: UserID
        package let requestID = RequestID.random()

        package init(_ coupon: CouponID, _ user: UserID) {
            self.coupon = coupon
            self.user = user
        }
    }

    /// How users behave.
    package struct Behaviour: Sendable {
        /// The deadlines that users give in turn, in milliseconds.
        package var deadlines: [Int64] = [10_000]
        /// Whether some users ask again after an answer, with the same request id or another one.
        package var asksAgain = false
        /// Whether some users ask for the status of their request.
        package var asksStatus = false

        package init() {}
    }

    package let world: World
    package let recorder = Recorder()
    /// In the order in which users ask.
    package let wishes: [Wish]
    private let behaviour: Behaviour
    private let waiting: Mutex<[Wish]>
    private let clients = Mutex<[(daemon: Int, client: CouponClient)]>([])
    private let attempts = Mutex<[RequestID: UInt32]>([:])
    private let errors = Mutex<[ClientError]>([])

    /// - Parameters:
    ///   - offers: the coupons' totals; nil means unlimited.
    ///   - wishes: in the order in which users ask.
    package init(
        _ world: World, offers: [CouponID: Int64?], wishes: [Wish],
        behaviour: Behaviour = Behaviour()
    ) {
        self.world = world
        self.wishes = wishes
        self.behaviour = behaviour
        waiting = Mutex(wishes)
        recorder.record { $0.offers = offers }
    }

    package var history: History { recorder.history }

    /// Why calls ended without an outcome.
    package var failures: [ClientError] { errors.withLock { $0 } }

    /// How many requests have got a sequence.
    package var accepted: Int {
        Set(history.calls.filter { $0.acceptedSequence != nil }.map(\.requestID)).count
    }

    // MARK: The daemons

    /// Users ask this daemon too, on several connections, so that each event loop gets some.
    /// - Parameter number: names the daemon; by default its port.
    package func add(_ address: ServerAddress, as number: Int? = nil) {
        // Clients wait beyond the deadline, because the history needs to know how late an answer is.
        var configuration = ClientConfiguration()
        configuration.answerGrace = .seconds(2)
        configuration.connectionsPerAddress = 1
        clients.withLock { clients in
            clients += (0..<4).map { _ in
                (
                    number ?? address.port,
                    CouponClient(address: address, configuration: configuration)
                )
            }
        }
    }

    /// Users no longer ask this daemon.
    package func remove(_ number: Int) { clients.withLock { $0.removeAll { $0.daemon == number } } }

    // MARK: The users

    /// Lets users ask until they have an answer, or until `timeout` has passed by ``FairClock``.
    /// - Parameters:
    ///   - count: how many users; nil for all who have not asked yet.
    ///   - callers: how many users ask at the same time, at most.
    ///   - spread: the time from the first user's start to the last one's, if `callers` allows it.
    package func run(
        first count: Int? = nil, callers: Int = 24, spread: Duration = .zero,
        timeout: Duration = .seconds(60)
    ) async {
        let (beginning, end) = (ContinuousClock.now, FairClock.now + timeout)
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

    /// Users ask again, with the same request id, if they have no issue or never got an answer: slots that
    /// Redis lost are free.
    package func askAgain(_ tables: Tables, timeout: Duration = .seconds(60)) async {
        let served = Set(tables.issues.map { [$0.coupon.rawValue, $0.user.rawValue] })
        let answered = Set(history.calls.filter(\.isAnswer).map(\.requestID))
        waiting.withLock {
            $0 = wishes.filter {
                !served.contains([$0.coupon.rawValue, $0.user.rawValue])
                    || !answered.contains($0.requestID)
            }
        }
        await run(timeout: timeout)
    }

    /// Waits until this many requests have got a sequence. A count that is made from `accepted` must be made
    /// before users begin: later it may be more than ever ask.
    package func reach(accepted count: Int) async throws {
        try await eventually("\(count) accepted", within: .seconds(40)) { accepted >= count }
    }

    /// A user asks until it has an answer; some ask again after that.
    private func live(_ wish: Wish, until deadline: Duration) async {
        async let _: Void = askStatus(wish, if: 2...3)
        let isAnswered = await pursue(wish, until: deadline)
        await askStatus(wish, if: 3...4)
        guard isAnswered, behaviour.asksAgain else { return }
        switch wish.user.rawValue % 8 {
        case 0: _ = await pursue(wish, until: deadline)
        case 1: _ = await pursue(Wish(wish.coupon, wish.user), until: deadline)
        default: break
        }
    }

    /// Every eighth user for each number in `chosen` asks any daemon for its status, once.
    private func askStatus(_ wish: Wish, if chosen: ClosedRange<Int64>) async {
        guard behaviour.asksStatus, chosen.contains(wish.user.rawValue % 8),
            let (_, client) = clients.withLock({ $0.randomElement() })
        else { return }
        await recorder.askStatus([wish.user], of: wish.coupon, client)
    }

    /// Asks for the status of every user, when nothing is in flight any more.
    package func askStatusesAtRest() async throws {
        guard let (_, client) = clients.withLock({ $0.randomElement() }) else { return }
        for (coupon, wishes) in Dictionary(grouping: wishes, by: \.coupon) {
            let users = Array(Set(wishes.map(\.user)))
            for start in stride(from: 0, to: users.count, by: Limits.usersPerBatch) {
                let page = users[start..<min(start + Limits.usersPerBatch, users.count)]
                try await eventually("the statuses of coupon \(coupon.rawValue) are known") {
                    await recorder.askStatus(Array(page), of: coupon, client, isAtRest: true)
                }
            }
        }
    }

    /// Asks until there is an answer. False if there was none in time.
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
                next(wish), deadlineMilliseconds: behaviour.deadline(of: wish), client,
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

extension Traffic.Behaviour {
    fileprivate func deadline(of wish: Traffic.Wish) -> Int64 {
        deadlines[Int(wish.user.rawValue) % deadlines.count]
    }
}
