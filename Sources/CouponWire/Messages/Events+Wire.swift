// Events: the question and a page of them.

internal import CCouponProto
internal import CouponDomain

extension Coupond__V1__Event: WireMessage {}
extension Coupond__V1__WatchRequest: WireMessage {}
extension Coupond__V1__WatchResponse: WireMessage {}
extension Coupond__V1__WatchReset: WireMessage {}

extension MessageArena {
    @_lifetime(borrow self)
    func watch(_ question: EventQuestion) throws(Failure) -> Part<Coupond__V1__WatchRequest> {
        let part = try make(Coupond__V1__WatchRequest.self)
        switch question.start {
        case .now: break
        case .oldest: part.from_oldest = true
        case .after(let bookmark): part.after = try bytes(bookmark.bytes)
        }
        part.coupon_id = question.coupon?.rawValue ?? 0
        part.limit = UInt32(clamping: question.limit)
        part.wait_ms = question.waitMilliseconds
        return part
    }

    /// A page always fits in a frame: see `Limits.eventsPerPage`.
    @_lifetime(borrow self)
    func page(of events: EventPage) throws(Failure) -> Part<Coupond__V1__WatchResponse> {
        let page = try make(Coupond__V1__WatchResponse.self)
        var list = try list(of: Coupond__V1__Event.self, capacity: events.events.count)
        for value in events.events { list.append(try event(value)) }
        page[\.events, \.n_events] = list
        page.bookmark = try bytes(events.bookmark.bytes)
        var resets = try self.list(
            of: Coupond__V1__WatchReset.self, capacity: events.resets.count)
        for value in events.resets {
            let reset = try make(Coupond__V1__WatchReset.self)
            reset.partition = UInt32(clamping: value.partition.rawValue)
            reset.reason = Coupond__V1__WatchResetReason(rawValue: UInt32(value.reason.rawValue))
            resets.append(reset)
        }
        page[\.resets, \.n_resets] = resets
        page.behind = events.behind
        return page
    }

    @_lifetime(borrow self)
    private func event(_ event: CouponEvent) throws(Failure) -> Part<Coupond__V1__Event> {
        let part = try make(Coupond__V1__Event.self)
        part.coupon_id = event.coupon.rawValue
        part.committed_at = event.committedAt.microseconds
        part.partition = UInt32(clamping: event.place.partition.rawValue)
        part.commit = event.place.commit
        part.index = UInt32(clamping: event.place.index)
        switch event.kind {
        case .issued(let user, let sequence, let requestID, let acceptedAt):
            part.kind = COUPOND__V1__EVENT_KIND__EVENT_KIND_ISSUED
            part.user_id = user.rawValue
            part.sequence = sequence
            part.request_id = try bytes(requestID)
            part.accepted_at = acceptedAt.microseconds
        case .rejected(let user, let sequence, let requestID, let reason):
            part.kind = COUPOND__V1__EVENT_KIND__EVENT_KIND_REJECTED
            part.user_id = user.rawValue
            part.sequence = sequence
            part.request_id = try bytes(requestID)
            part.reason = reason.raw
        case .soldOut(let version):
            part.kind = COUPOND__V1__EVENT_KIND__EVENT_KIND_SOLD_OUT
            part.version = version
        case .changed(let version):
            part.kind = COUPOND__V1__EVENT_KIND__EVENT_KIND_CHANGED
            part.version = version
        }
        return part
    }
}

extension Request.Method {
    static func watch(_ raw: Part<Coupond__V1__WatchRequest>) throws(Failure) -> Self {
        let limit = Limits.bookmarkBytes
        guard raw.after.count <= limit else {
            throw .field("watch.after", "must have at most \(limit) bytes, has \(raw.after.count)")
        }
        guard raw.after.count == 0 || !raw.from_oldest else {
            throw .field("watch.from_oldest", "must not come together with after")
        }
        let longest = Limits.maximumWatchMilliseconds
        guard raw.wait_ms <= longest else {
            throw .field("watch.wait_ms", "must be at most \(longest), got \(raw.wait_ms)")
        }
        let start: EventQuestion.Start =
            if raw.after.count > 0 {
                .after(Bookmark(bytes: raw.after.copied()))
            } else {
                raw.from_oldest ? .oldest : .now
            }
        return .watch(
            EventQuestion(
                start,
                of: raw.coupon_id == 0
                    ? nil : try Field.coupon(raw.coupon_id, "watch.coupon_id"),
                limit: try Field.limit(
                    raw.limit, absent: Limits.eventsPerPage, most: Limits.eventsPerPage,
                    "watch.limit"),
                waitMilliseconds: raw.wait_ms))
    }
}

extension EventPage {
    init(_ raw: Part<Coupond__V1__WatchResponse>) throws(Failure) {
        self.init(
            events: try raw[\.events, \.n_events].map(CouponEvent.init),
            bookmark: Bookmark(bytes: raw.bookmark.copied()),
            resets: try raw[\.resets, \.n_resets].map(Reset.init), behind: raw.behind)
    }
}

extension EventPage.Reset {
    fileprivate init(_ raw: Part<Coupond__V1__WatchReset>) throws(Failure) {
        let number = raw.reason.rawValue
        guard let reason = UInt8(exactly: number).flatMap(Reason.init) else {
            throw .field("watch.resets.reason", "not known here, got \(number)")
        }
        self.init(PartitionID(Int(raw.partition)), reason)
    }
}

extension CouponEvent {
    fileprivate init(_ raw: Part<Coupond__V1__Event>) throws(Failure) {
        let kind: Kind
        switch raw.kind {
        case COUPOND__V1__EVENT_KIND__EVENT_KIND_ISSUED:
            kind = .issued(
                UserID(raw.user_id), sequence: raw.sequence,
                try Field.requestID(raw.request_id, "watch.events.request_id"),
                acceptedAt: Timestamp(microseconds: raw.accepted_at))
        case COUPOND__V1__EVENT_KIND__EVENT_KIND_REJECTED:
            kind = .rejected(
                UserID(raw.user_id), sequence: raw.sequence,
                try Field.requestID(raw.request_id, "watch.events.request_id"),
                try RejectionReason(raw.reason, "watch.events.reason"))
        case COUPOND__V1__EVENT_KIND__EVENT_KIND_SOLD_OUT: kind = .soldOut(version: raw.version)
        case COUPOND__V1__EVENT_KIND__EVENT_KIND_CHANGED: kind = .changed(version: raw.version)
        default: throw .field("watch.events.kind", "not known here, got \(raw.kind.rawValue)")
        }
        self.init(
            coupon: CouponID(raw.coupon_id), kind: kind,
            committedAt: Timestamp(microseconds: raw.committed_at),
            place: Place(
                partition: PartitionID(Int(raw.partition)), commit: raw.commit,
                index: Int(raw.index)))
    }
}
