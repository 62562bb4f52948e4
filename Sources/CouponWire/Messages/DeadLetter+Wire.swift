// Dead letters: one, and a page of them with its request.

internal import CCouponProto
internal import CProtobufC
internal import CouponDomain

extension MessageArena {
    mutating func listDeadLetters(
        after: Int64, of coupon: CouponID?
    ) throws(Failure) -> UnsafeMutablePointer<Coupond__V1__ListDeadLettersRequest> {
        let raw = unsafe try make(coupond__v1__list_dead_letters_request__init)
        unsafe raw.pointee.after_id = after
        unsafe raw.pointee.coupon_id = coupon?.rawValue ?? 0
        return unsafe raw
    }

    mutating func deadLetter(
        _ letter: DeadLetter
    ) throws(Failure) -> UnsafeMutablePointer<Coupond__V1__DeadLetter> {
        let raw = unsafe try make(coupond__v1__dead_letter__init)
        unsafe raw.pointee.id = letter.id
        if let accepted = letter.accepted {
            unsafe raw.pointee.coupon_id = accepted.coupon.rawValue
            unsafe raw.pointee.user_id = accepted.user.rawValue
            unsafe raw.pointee.sequence = accepted.sequence
            unsafe raw.pointee.request_id = unsafe try bytes(accepted.requestID)
        }
        unsafe raw.pointee.epoch = letter.position.epoch
        unsafe raw.pointee.n = letter.position.n
        unsafe raw.pointee.error = unsafe try text(
            letter.error, upTo: Limits.deadLetterErrorBytes)
        unsafe raw.pointee.state = Coupond__V1__DeadLetterState(
            rawValue: UInt32(letter.state.rawValue))
        unsafe raw.pointee.created_at = letter.createdAt.microseconds
        return unsafe raw
    }

    /// A page always fits in a frame: see `Limits.deadLettersPerPage`.
    mutating func page(
        of letters: [DeadLetter]
    ) throws(Failure) -> UnsafeMutablePointer<Coupond__V1__ListDeadLettersResponse> {
        let page = unsafe try make(coupond__v1__list_dead_letters_response__init)
        let slots = unsafe try room(
            for: UnsafeMutablePointer<Coupond__V1__DeadLetter>?.self, count: letters.count)
        for (index, letter) in letters.enumerated() {
            unsafe slots[index] = unsafe try deadLetter(letter)
        }
        unsafe page.pointee.letters = unsafe slots
        unsafe page.pointee.n_letters = letters.count
        return unsafe page
    }
}

extension Request.Method {
    static func list(_ raw: Coupond__V1__ListDeadLettersRequest) throws(Failure) -> Self {
        unsafe .listDeadLetters(
            after: try Field.start(raw.after_id, "list_dead_letters.after_id"),
            coupon: raw.coupon_id == 0
                ? nil : try Field.coupon(raw.coupon_id, "list_dead_letters.coupon_id"))
    }
}

extension DeadLetter {
    init(_ raw: Coupond__V1__DeadLetter) throws(Failure) {
        let number = unsafe raw.state.rawValue
        guard let state = UInt8(exactly: number).flatMap(State.init) else {
            throw .field("dead_letter.state", "not known here, got \(number)")
        }
        let requestID = unsafe try Field.requestID(raw.request_id, "dead_letter.request_id")
        unsafe self.init(
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
        _ raw: Coupond__V1__ListDeadLettersResponse
    ) throws(Failure) -> [DeadLetter] {
        let raws = unsafe UnsafeBufferPointer(start: raw.letters, count: raw.n_letters)
        var letters: [DeadLetter] = []
        letters.reserveCapacity(raws.count)
        for index in raws.indices {
            let letter = unsafe try Field.message(raws[index], "list_dead_letters.letters")
            unsafe letters.append(try DeadLetter(letter))
        }
        return letters
    }
}
