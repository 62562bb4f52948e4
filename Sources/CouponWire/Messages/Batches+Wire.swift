// Many users of one coupon: requests and statuses, and their answers.

internal import CCouponProto
internal import CouponDomain

extension Coupond__V1__IssueBatchRequest: WireMessage {}
extension Coupond__V1__IssueBatchResponse: WireMessage {}
extension Coupond__V1__IssueBatchResult: WireMessage {}
extension Coupond__V1__CouponStatusBatchRequest: WireMessage {}
extension Coupond__V1__CouponStatusBatchResponse: WireMessage {}
extension Coupond__V1__CouponStatusBatchUser: WireMessage {}

extension MessageArena {
    @_lifetime(borrow self)
    func issueBatch(_ batch: IssueBatch) throws(Failure) -> Part<Coupond__V1__IssueBatchRequest> {
        let part = try make(Coupond__V1__IssueBatchRequest.self)
        part.coupon_id = batch.coupon.rawValue
        part[\.user_ids, \.n_user_ids] = try numbers(batch.items.map(\.user.rawValue))
        part.request_ids = try bytes(batch.items.flatMap(\.requestID.bytes))
        part.wait_for = Coupond__V1__WaitFor(rawValue: UInt32(batch.waitFor.rawValue))
        part.attempt = batch.attempt
        return part
    }

    @_lifetime(borrow self)
    func issueBatch(
        _ ends: [Result<Outcome, Failure>]
    ) throws(Failure) -> Part<Coupond__V1__IssueBatchResponse> {
        let part = try make(Coupond__V1__IssueBatchResponse.self)
        var results = try list(of: Coupond__V1__IssueBatchResult.self, capacity: ends.count)
        var errors = try list(
            of: Coupond__V1__Error.self, capacity: Limits.errorsPerBatch)
        var known: [Failure] = []
        for end in ends {
            let result = try make(Coupond__V1__IssueBatchResult.self)
            switch end {
            case .success(let outcome): result.fill(outcome)
            case .failure(let failure):
                result.fill(failure.acceptance)
                let kind = failure.with(acceptance: .notAccepted)
                if let index = known.firstIndex(of: kind) {
                    result.error = UInt32(index + 1)
                } else if known.count < Limits.errorsPerBatch {
                    known.append(kind)
                    errors.append(try error(kind))
                    result.error = UInt32(known.count)
                } else {
                    // Too many different errors: the last one of the same code, or else the last one,
                    // stands for this one.
                    let index = known.lastIndex { $0.code == kind.code } ?? known.count - 1
                    result.error = UInt32(index + 1)
                }
            }
            results.append(result)
        }
        part[\.results, \.n_results] = results
        part[\.errors, \.n_errors] = errors
        return part
    }

    @_lifetime(borrow self)
    func couponStatusBatch(
        of coupon: CouponID, _ users: [UserID]
    ) throws(Failure) -> Part<Coupond__V1__CouponStatusBatchRequest> {
        let part = try make(Coupond__V1__CouponStatusBatchRequest.self)
        part.coupon_id = coupon.rawValue
        part[\.user_ids, \.n_user_ids] = try numbers(users.map(\.rawValue))
        return part
    }

    @_lifetime(borrow self)
    func couponStatusBatch(
        _ batch: CouponStatusBatch
    ) throws(Failure) -> Part<Coupond__V1__CouponStatusBatchResponse> {
        let part = try make(Coupond__V1__CouponStatusBatchResponse.self)
        part.coupon = try coupon(batch.coupon)
        part.accepted = batch.accepted
        part.queued = batch.queued
        var users = try list(
            of: Coupond__V1__CouponStatusBatchUser.self, capacity: batch.users.count)
        for status in batch.users {
            let user = try make(Coupond__V1__CouponStatusBatchUser.self)
            user.fill(status)
            users.append(user)
        }
        part[\.users, \.n_users] = users
        return part
    }
}

extension Part where Message == Coupond__V1__IssueBatchResult {
    /// The numbers are those of `IssueResponse`.
    fileprivate func fill(_ from: Outcome) {
        self.outcome = Coupond__V1__Outcome(rawValue: UInt32(from.kind.rawValue))
        switch from {
        case .accepted(let number): self.sequence = number
        case .issued(let number, let moment):
            self.sequence = number
            self.issued_at = moment.microseconds
        case .duplicate(let number, let holder):
            self.sequence = number
            self.state = holder.raw
        case .notOpen(let opens): self.opens_at = opens.microseconds
        case .rejected(let number, let why):
            self.sequence = number
            self.reason = why.raw
        case .soldOut, .ended, .paused, .closed, .notFound: break
        }
    }

    fileprivate func fill(_ from: Acceptance) {
        switch from {
        case .notAccepted: break
        case .accepted(let number):
            self.acceptance = COUPOND__V1__ACCEPTANCE__ACCEPTANCE_ACCEPTED
            self.sequence = number
        case .unknown: self.acceptance = COUPOND__V1__ACCEPTANCE__ACCEPTANCE_UNKNOWN
        }
    }

    fileprivate func readOutcome() throws(Failure) -> Outcome {
        let number = self.outcome.rawValue
        switch UInt8(exactly: number).flatMap(Outcome.Kind.init) {
        case .accepted: return .accepted(sequence: self.sequence)
        case .issued:
            return .issued(
                sequence: self.sequence, at: Timestamp(microseconds: self.issued_at))
        case .duplicate:
            guard let holder = HolderState(self.state) else {
                throw .field(
                    "issue_batch.results.state", "not known here, got \(self.state.rawValue)")
            }
            return .duplicate(sequence: self.sequence, state: holder)
        case .soldOut: return .soldOut
        case .notOpen: return .notOpen(opens: Timestamp(microseconds: self.opens_at))
        case .ended: return .ended
        case .paused: return .paused
        case .closed: return .closed
        case .notFound: return .notFound
        case .rejected:
            return .rejected(
                sequence: self.sequence,
                reason: try RejectionReason(self.reason, "issue_batch.results.reason"))
        case nil: throw .field("issue_batch.results.outcome", "not known here, got \(number)")
        }
    }

    fileprivate func end(_ errors: [Failure]) throws(Failure) -> Result<Outcome, Failure> {
        let error = self.error
        guard error > 0 else { return .success(try readOutcome()) }
        guard error <= errors.count else {
            throw .field("issue_batch.results.error", "there is no error \(error)")
        }
        let known: Acceptance
        switch self.acceptance {
        case COUPOND__V1__ACCEPTANCE__ACCEPTANCE_NOT_ACCEPTED: known = .notAccepted
        case COUPOND__V1__ACCEPTANCE__ACCEPTANCE_ACCEPTED:
            known = .accepted(sequence: self.sequence)
        default: known = .unknown
        }
        return .failure(errors[Int(error) - 1].with(acceptance: known))
    }
}

extension Part where Message == Coupond__V1__CouponStatusBatchUser {
    fileprivate func fill(_ from: UserStatus) {
        switch from {
        case .none: break
        case .queued(let number):
            self.state = COUPOND__V1__USER_STATE__USER_STATE_QUEUED
            self.sequence = number
        case .issued(let number, let moment):
            self.state = COUPOND__V1__USER_STATE__USER_STATE_ISSUED
            self.sequence = number
            self.issued_at = moment.microseconds
        case .rejected(let number, let why):
            self.state = COUPOND__V1__USER_STATE__USER_STATE_REJECTED
            self.sequence = number
            self.reason = why.raw
        }
    }

    fileprivate func status() throws(Failure) -> UserStatus {
        switch self.state {
        case COUPOND__V1__USER_STATE__USER_STATE_NONE: .none
        case COUPOND__V1__USER_STATE__USER_STATE_QUEUED: .queued(sequence: self.sequence)
        case COUPOND__V1__USER_STATE__USER_STATE_ISSUED:
            .issued(sequence: self.sequence, at: Timestamp(microseconds: self.issued_at))
        case COUPOND__V1__USER_STATE__USER_STATE_REJECTED:
            .rejected(
                sequence: self.sequence,
                reason: try RejectionReason(self.reason, "coupon_status_batch.users.reason"))
        default:
            throw .field(
                "coupon_status_batch.users.state", "not known here, got \(self.state.rawValue)")
        }
    }
}

extension IssueBatch {
    init(_ raw: Part<Coupond__V1__IssueBatchRequest>) throws(Failure) {
        let value = raw.wait_for.rawValue
        guard let waitFor = UInt8(exactly: value).flatMap(WaitFor.init) else {
            throw .field("issue_batch.wait_for", "has no meaning here, got \(value)")
        }
        let users = try Field.users(
            raw[\.user_ids, \.n_user_ids].values, "issue_batch.user_ids")
        let names = raw.request_ids.copied()
        let length = RequestID.maximumLength
        guard names.isEmpty || names.count == users.count * length else {
            throw .field(
                "issue_batch.request_ids",
                "must have \(users.count * length) bytes or none, has \(names.count)")
        }
        var items: [Item] = []
        items.reserveCapacity(users.count)
        for (index, user) in users.enumerated() {
            let name =
                names.isEmpty
                ? .empty
                : RequestID(Array(names[index * length..<(index + 1) * length])) ?? .empty
            items.append(Item(user: user, requestID: name))
        }
        self.init(
            coupon: try Field.coupon(raw.coupon_id, "issue_batch.coupon_id"), items: items,
            waitFor: waitFor, attempt: raw.attempt)
    }
}

extension Request.Method {
    static func couponStatusBatch(
        _ raw: Part<Coupond__V1__CouponStatusBatchRequest>
    ) throws(Failure) -> Self {
        .couponStatusBatch(
            coupon: try Field.coupon(raw.coupon_id, "coupon_status_batch.coupon_id"),
            users: try Field.users(
                raw[\.user_ids, \.n_user_ids].values, "coupon_status_batch.user_ids"))
    }
}

extension Field {
    fileprivate static func users(_ ids: [Int64], _ path: String) throws(Failure) -> [UserID] {
        guard (1...Limits.usersPerBatch).contains(ids.count) else {
            throw .field(path, "must be 1 to \(Limits.usersPerBatch), got \(ids.count)")
        }
        var users: [UserID] = []
        users.reserveCapacity(ids.count)
        for id in ids { users.append(try user(id, path)) }
        return users
    }
}

extension Response.Result {
    static func issueBatch(
        _ raw: Part<Coupond__V1__IssueBatchResponse>
    ) throws(Failure) -> Self {
        let errors = try raw[\.errors, \.n_errors].map(Failure.init)
        return .issueBatch(
            try raw[\.results, \.n_results].map { result throws(Failure) in
                try result.end(errors)
            })
    }
}

extension CouponStatusBatch {
    init(_ raw: Part<Coupond__V1__CouponStatusBatchResponse>) throws(Failure) {
        self.init(
            coupon: try Coupon(try Field.message(raw.coupon, "coupon_status_batch.coupon")),
            accepted: raw.accepted, queued: raw.queued,
            users: try raw[\.users, \.n_users].map { user throws(Failure) in try user.status() })
    }
}
