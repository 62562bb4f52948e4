// An explanation of what became of a user's requests: the request and its answer.

internal import CCouponProto
internal import CouponDomain

extension Coupond__V1__ExplainRequest: WireMessage {}
extension Coupond__V1__ExplainResponse: WireMessage {}
extension Coupond__V1__Sentence: WireMessage {}

extension MessageArena {
    @_lifetime(borrow self)
    func explain(
        _ coupon: CouponID, _ user: UserID
    ) throws(Failure) -> Part<Coupond__V1__ExplainRequest> {
        let part = try make(Coupond__V1__ExplainRequest.self)
        part.coupon_id = coupon.rawValue
        part.user_id = user.rawValue
        return part
    }

    /// The answer fits in a frame: the number of sentences is bounded where they are made.
    @_lifetime(borrow self)
    func explanation(
        of sentences: [Sentence]
    ) throws(Failure) -> Part<Coupond__V1__ExplainResponse> {
        let answer = try make(Coupond__V1__ExplainResponse.self)
        var list = try list(of: Coupond__V1__Sentence.self, capacity: sentences.count)
        for value in sentences { list.append(try sentence(value)) }
        answer[\.sentences, \.n_sentences] = list
        return answer
    }

    @_lifetime(borrow self)
    private func sentence(_ sentence: Sentence) throws(Failure) -> Part<Coupond__V1__Sentence> {
        let part = try make(Coupond__V1__Sentence.self)
        part.source = Coupond__V1__SentenceSource(rawValue: UInt32(sentence.source.rawValue))
        part.text = try text(sentence.text, upTo: Limits.maximumErrorTextBytes)
        part.sequence = sentence.sequence ?? 0
        if let id = sentence.requestID { part.request_id = try bytes(id) }
        part.at = sentence.at?.microseconds ?? 0
        return part
    }
}

extension Request.Method {
    static func explain(_ raw: Part<Coupond__V1__ExplainRequest>) throws(Failure) -> Self {
        .explain(
            coupon: try Field.coupon(raw.coupon_id, "explain.coupon_id"),
            user: try Field.user(raw.user_id, "explain.user_id"))
    }
}

extension Sentence {
    init(_ raw: Part<Coupond__V1__Sentence>) throws(Failure) {
        let number = raw.source.rawValue
        guard let source = UInt8(exactly: number).flatMap(Source.init) else {
            throw .field("explain.sentences.source", "not known here, got \(number)")
        }
        let requestID = try Field.requestID(raw.request_id, "explain.sentences.request_id")
        self.init(
            source, try Field.text(raw.text, "explain.sentences.text"),
            sequence: raw.sequence == 0 ? nil : raw.sequence,
            requestID: requestID == .empty ? nil : requestID,
            at: raw.at == 0 ? nil : Timestamp(microseconds: raw.at))
    }

    static func all(_ raw: Part<Coupond__V1__ExplainResponse>) throws(Failure) -> [Sentence] {
        try raw[\.sentences, \.n_sentences].map(Sentence.init)
    }
}
