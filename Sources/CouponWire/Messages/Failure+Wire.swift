// An error as an answer.

internal import CCouponProto
internal import CProtobufC
internal import CouponDomain

extension MessageArena {
    mutating func error(
        _ failure: Failure
    ) throws(Failure) -> UnsafeMutablePointer<Coupond__V1__Error> {
        let raw = unsafe try make(coupond__v1__error__init)
        unsafe raw.pointee.code = UInt32(failure.code.rawValue)
        unsafe raw.pointee.message = unsafe try text(
            failure.message, upTo: Limits.maximumErrorTextBytes)
        unsafe raw.pointee.retry_after_ms = failure.retryAfterMilliseconds ?? 0
        switch failure.acceptance {
        case .notAccepted: break
        case .accepted(let sequence):
            unsafe raw.pointee.acceptance = COUPOND__V1__ACCEPTANCE__ACCEPTANCE_ACCEPTED
            unsafe raw.pointee.sequence = sequence
        case .unknown: unsafe raw.pointee.acceptance = COUPOND__V1__ACCEPTANCE__ACCEPTANCE_UNKNOWN
        }
        return unsafe raw
    }
}

extension Failure {
    init(_ raw: Coupond__V1__Error) throws(Failure) {
        let acceptance: Acceptance
        switch unsafe raw.acceptance {
        case COUPOND__V1__ACCEPTANCE__ACCEPTANCE_NOT_ACCEPTED: acceptance = .notAccepted
        case COUPOND__V1__ACCEPTANCE__ACCEPTANCE_ACCEPTED:
            acceptance = unsafe .accepted(sequence: raw.sequence)
        // Nothing may be concluded from a word of a later daemon.
        default: acceptance = .unknown
        }
        unsafe self.init(
            // As gRPC has it: a code that is not known is a fault of the other side.
            Int32(exactly: raw.code).flatMap(StatusCode.init) ?? .internal,
            try Field.text(raw.message, "error.message"),
            retryAfterMilliseconds: raw.retry_after_ms == 0 ? nil : raw.retry_after_ms,
            acceptance: acceptance)
    }
}
