// Dead letters: one, and a page of them with its request.

internal import CCouponProto
internal import CouponDomain

extension Coupond__V1__DeadLetter: WireMessage {}
extension Coupond__V1__ListDeadLettersRequest: WireMessage {}
extension Coupond__V1__ListDeadLettersResponse: WireMessage {}

extension MessageArena {
    @_lifetime(borrow self)
    func listDeadLetters(
        after: Int64, of coupon: CouponID?
    ) throws(Failure) -> Part<Coupond__V1__ListDeadLettersRequest> {
        let part = try make(Coupond__V1__ListDeadLettersRequest.self)
        part.after_id = after
        part.coupon_id = coupon?.rawValue ?? 0
        return part
    }

    @_lifetime(borrow self)
    func deadLetter(_ letter: DeadLetter) throws(Failure) -> Part<Coupond__V1__DeadLetter> {
        let part = try make(Coupond__V1__DeadLetter.self)
        part.id = letter.id
        if let accepted = letter.accepted {
            part.coupon_id = accepted.coupon.rawValue
            part.user_id = accepted.user.rawValue
            part.sequence = accepted.sequence
            part.request_id = try bytes(accepted.requestID)
        }
        part.epoch = letter.position.epoch
        part.n = letter.position.n
        part.error = try text(
            letter.error, upTo: Limits.deadLetterErrorBytes)
        part.state = Coupond__V1__DeadLetterState(
            rawValue: UInt32(letter.state.rawValue))
        part.created_at = letter.createdAt.microseconds
        return part
    }

    /// A page always fits in a frame: see `Limits.deadLettersPerPage`.
    @_lifetime(borrow self)
    func page(
        of letters: [DeadLetter]
    ) throws(Failure) -> Part<Coupond__V1__ListDeadLettersResponse> {
        let page = try make(Coupond__V1__ListDeadLettersResponse.self)
        var list = try list(of: Coupond__V1__DeadLetter.self, capacity: letters.count)
        for letter in letters { list.append(try deadLetter(letter)) }
        page[\.letters, \.n_letters] = list
        return page
    }
}

extension Request.Method {
    static func list(_ raw: Part<Coupond__V1__ListDeadLettersRequest>) throws(Failure) -> Self {
        .listDeadLetters(
            after: try Field.start(raw.after_id, "list_dead_letters.after_id"),
            coupon: raw.coupon_id == 0
                ? nil : try Field.coupon(raw.coupon_id, "list_dead_letters.coupon_id"))
    }
}

extension DeadLetter {
    init(_ raw: Part<Coupond__V1__DeadLetter>) throws(Failure) {
        let number = raw.state.rawValue
        guard let state = UInt8(exactly: number).flatMap(State.init) else {
            throw .field("dead_letter.state", "not known here, got \(number)")
        }
        let requestID = try Field.requestID(raw.request_id, "dead_letter.request_id")
        self.init(
            id: raw.id,
            accepted: raw.user_id == 0
                ? nil
                : AcceptedRequest(
                    coupon: CouponID(raw.coupon_id), user: UserID(raw.user_id),
                    sequence: raw.sequence, requestID: requestID),
            position: Position(epoch: raw.epoch, n: raw.n),
            error: try Field.text(raw.error, "dead_letter.error"), state: state,
            createdAt: Timestamp(microseconds: raw.created_at))
    }

    static func page(
        _ raw: Part<Coupond__V1__ListDeadLettersResponse>
    ) throws(Failure) -> [DeadLetter] {
        try raw[\.letters, \.n_letters].map(DeadLetter.init)
    }
}
