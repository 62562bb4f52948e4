// An error as an answer.

internal import CCouponProto
internal import CouponDomain

extension Coupond__V1__Error: WireMessage {}

extension MessageArena {
    @_lifetime(borrow self)
    func error(_ failure: Failure) throws(Failure) -> Part<Coupond__V1__Error> {
        let part = try make(Coupond__V1__Error.self)
        part.code = UInt32(failure.code.rawValue)
        part.message = try text(
            failure.message, upTo: Limits.maximumErrorTextBytes)
        part.retry_after_ms = failure.retryAfterMilliseconds ?? 0
        switch failure.acceptance {
        case .notAccepted: break
        case .accepted(let sequence):
            part.acceptance = COUPOND__V1__ACCEPTANCE__ACCEPTANCE_ACCEPTED
            part.sequence = sequence
        case .unknown: part.acceptance = COUPOND__V1__ACCEPTANCE__ACCEPTANCE_UNKNOWN
        }
        return part
    }
}

extension Failure {
    init(_ raw: Part<Coupond__V1__Error>) throws(Failure) {
        let acceptance: Acceptance
        switch raw.acceptance {
        case COUPOND__V1__ACCEPTANCE__ACCEPTANCE_NOT_ACCEPTED: acceptance = .notAccepted
        case COUPOND__V1__ACCEPTANCE__ACCEPTANCE_ACCEPTED:
            acceptance = .accepted(sequence: raw.sequence)
        // A word of a later daemon is not known here, so the acceptance is unknown.
        default: acceptance = .unknown
        }
        self.init(
            // As in gRPC: a code that is not known is a fault of the other side.
            Int32(exactly: raw.code).flatMap(StatusCode.init) ?? .internal,
            try Field.text(raw.message, "error.message"),
            retryAfterMilliseconds: raw.retry_after_ms == 0 ? nil : raw.retry_after_ms,
            acceptance: acceptance)
    }
}
