// Dead letters, from libprotobuf-c's structs to values.

internal import CCouponProto
internal import CProtobufC
internal import CouponDomain

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
