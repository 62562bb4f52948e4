// Dead letters in answers: one, and a page of them.

internal import CCouponProto
internal import CProtobufC
internal import CouponDomain

extension MessageArena {
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
