/// Users: they retry with the same request id, wait for ISSUED, ask for their status, and give up.
import CouponCore

final class Clients {
    typealias Answer = Result<Outcome, Failure>

    /// What one user wants, with one request id for all tries.
    final class Wish {
        let coupon: CouponID
        let user: UserID
        let requestID: RequestID
        let firstSentAt: Int64
        var tries = 0
        /// At the end of a play: the user asks until there is an outcome.
        let isLast: Bool
        var end: Outcome?

        init(_ coupon: CouponID, _ user: UserID, _ requestID: RequestID, at time: Int64, last: Bool)
        {
            self.coupon = coupon
            self.user = user
            self.requestID = requestID
            firstSentAt = time
            isLast = last
        }
    }

    /// One request on one connection.
    final class Try {
        let wish: Wish
        let attempt: Int
        let deadline: Int64
        let waits: Bool
        unowned let loop: SimulatedLoop
        /// When the daemon received it; nil until then.
        var arrivedAt: Int64?
        var answers = 0
        var isOver = false

        init(_ wish: Wish, attempt: Int, deadline: Int64, waits: Bool, loop: SimulatedLoop) {
            self.wish = wish
            self.attempt = attempt
            self.deadline = deadline
            self.waits = waits
            self.loop = loop
        }
    }

    private unowned let play: Play
    private(set) var tries: [Try] = []
    private(set) var wishes: [Wish] = []
    private var line: Timeline { play.line }

    init(_ play: Play) { self.play = play }

    /// A new wish of a user, with a new request id.
    @discardableResult
    func wish(for coupon: CouponID, by user: UserID, last: Bool = false) -> Wish {
        let id = RequestID(high: UInt64(wishes.count + 1), low: 0, length: 8)
        let wish = Wish(coupon, user, id, at: line.now, last: last)
        wishes.append(wish)
        ask(wish)
        return wish
    }

    private func ask(_ wish: Wish) {
        guard let daemon = line.pick(play.daemons.filter(\.isAlive)),
            let loop = line.pick(daemon.loops)
        else {
            line.after(300_000) { [self] in ask(wish) }
            return
        }
        let attempt = Try(
            wish, attempt: wish.tries,
            deadline: line.chance(800) ? line.random(300...3_000) : line.random(5...60),
            waits: line.chance(500), loop: loop)
        wish.tries += 1
        tries.append(attempt)
        let number = UInt64(tries.count - 1)
        line.note(
            "u\(wish.user.rawValue)",
            "asks \(loop.name) for coupon \(wish.coupon.rawValue), id \(wish.requestID.brief), "
                + "attempt \(attempt.attempt), \(attempt.deadline) ms\(attempt.waits ? ", waits" : "")"
        )
        if !line.chance(play.faults.message) {
            daemon.after(line.delay()) { [self] in arrive(number, attempt) }
        }
        line.after(attempt.deadline * 1_000 + line.random(100_000...400_000)) { [self] in
            if !attempt.isOver { react(to: nil, attempt) }
        }
    }

    private func arrive(_ number: UInt64, _ attempt: Try) {
        attempt.arrivedAt = line.now
        let wish = attempt.wish
        attempt.loop.turn {
            attempt.loop.worker.submit(
                IssueRequest(
                    coupon: wish.coupon, user: wish.user, requestID: wish.requestID,
                    waitFor: attempt.waits ? .issued : .accepted,
                    attempt: UInt32(attempt.attempt)),
                deadlineMilliseconds: UInt32(attempt.deadline),
                caller: Caller(connection: 1, request: number))
        }
    }

    /// The daemon answers. The witness checks the answer now; it reaches the user later.
    func didAnswer(_ number: UInt64, _ answer: Answer, from loop: SimulatedLoop) {
        let attempt = tries[Int(number)]
        attempt.answers += 1
        line.note(
            loop.name,
            "answers u\(attempt.wish.user.rawValue) id \(attempt.wish.requestID.brief): \(answer)")
        play.witness.didAnswer(attempt, answer)
        guard loop.daemon.isAlive, !line.chance(play.faults.message) else { return }
        line.after(line.delay()) { [self] in
            guard !attempt.isOver else { return }
            react(to: answer, attempt)
        }
    }

    private func react(to answer: Answer?, _ attempt: Try) {
        let wish = attempt.wish
        attempt.isOver = true
        if case .success(let outcome) = answer { play.witness.didReceive(attempt, outcome) }
        guard wish.end == nil else { return }
        switch answer {
        case nil, .failure:
            guard wish.isLast || (wish.tries < 10 && line.chance(850)) else { return }
            line.after(line.random(20_000...400_000)) { [self] in ask(wish) }
        case .success(let outcome):
            go(on: wish, outcome)
        }
    }

    private func go(on wish: Wish, _ outcome: Outcome) {
        if wish.isLast {
            // A loss of PostgreSQL's data may open a coupon without the gate's knowledge: the bounce causes
            // a lookup, and a retry asks the gate. So does a retry if a daemon gets no events (rule 39).
            if outcome == .soldOut, wish.tries == 1,
                play.witness.didPostgresGoBack || play.isSomeoneCutOff
            {
                return ask(wish)
            }
            wish.end = outcome
            return
        }
        switch line.random(0...9) {
        case 0...2 where wish.tries < 10:
            line.after(line.delay() * 4) { [self] in ask(wish) }
        case 3: line.after(line.delay()) { [self] in statuses(with: wish) }
        case 4:
            line.after(line.delay() * 8) { [self] in self.wish(for: wish.coupon, by: wish.user) }
        default: wish.end = outcome
        }
    }

    /// Asks for the statuses of a user and, in the same batch, of users of other wishes.
    private func statuses(with wish: Wish) {
        guard let daemon = line.pick(play.daemons.filter(\.isAlive)) else { return }
        let others = (0..<line.draw(0...7)).compactMap { _ in line.pick(wishes) }
        let asked = ([wish] + others).map { wish in
            (
                coupon: wish.coupon, user: wish.user,
                before: play.witness.acceptedRequests(of: wish.user, wish.coupon)
            )
        }
        daemon.after(line.delay()) { [self] in
            daemon.submit { [self] keeper in
                let statuses = keeper.statuses(
                    asked.map { StatusQuestion(coupon: $0.coupon, user: $0.user) })
                guard daemon.isAlive else { return }
                for (question, result) in zip(asked, statuses) {
                    guard let status = try? result.get() else { continue }
                    let (user, coupon) = (question.user, question.coupon)
                    line.note(
                        daemon.name,
                        "status of u\(user.rawValue), coupon \(coupon.rawValue): \(status.user)")
                    play.witness.didAnswer(status.user, of: user, coupon, question.before)
                }
            }
        }
    }

    /// Tries without an answer whose daemon is alive.
    var unanswered: [Try] {
        tries.filter { $0.arrivedAt != nil && $0.answers == 0 && $0.loop.daemon.isAlive }
    }
}
