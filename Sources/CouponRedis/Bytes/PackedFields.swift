/// Values of CouponCore as fields of the packed layouts, which the headers of the scripts describe.
internal import CouponCore

extension ByteWriter {
    mutating func append(_ user: UserID) { append(user.rawValue) }

    mutating func append(_ coupon: CouponID) { append(coupon.rawValue) }

    mutating func append(_ requestID: RequestID) {
        append(UInt8(requestID.count))
        append(requestID.highBits)
        append(requestID.lowBits)
    }

    /// Lua's numbers are exact below 2^53, the year 2255; other times are clamped.
    mutating func append(_ time: Timestamp) { append(min(max(0, time.microseconds), 1 << 53)) }

    /// A coupon as committed, `Layout.terms` bytes.
    mutating func append(_ coupon: Coupon) {
        append(coupon.version)
        append(coupon.total ?? -1)
        append(coupon.state.rawValue)
        append(coupon.isSoldOut ? 1 as UInt8 : 0)
        append(coupon.window.opens)
        append(coupon.window.closes)
    }

    /// A holder, `Layout.holder` bytes.
    mutating func append(_ holder: GateHolder) {
        append(HolderKind(holder).rawValue)
        append(holder.rejection?.rawValue ?? 0)
        append(holder.sequence)
        append(holder.position.epoch)
        append(holder.position.n)
        append(holder.requestID)
    }
}

/// The kind of a holder: see Scripts/prelude.lua.
private enum HolderKind: UInt8 {
    case accepted = 1
    case rejected = 2
    case deadLetter = 3

    init(_ holder: GateHolder) {
        self =
            holder.rejection == nil ? .accepted : holder.hasSlot ? .deadLetter : .rejected
    }
}

extension ByteReader {
    /// A number that a gate can count to; nil for a larger one, with which a sum could overflow.
    private mutating func number() -> Int64? {
        int64().flatMap { (0...Limits.maximumNumber).contains($0) ? $0 : nil }
    }

    /// A position whose numbers are not checked: compare it, but do not count with it.
    mutating func anyPosition() -> Position? {
        guard let epoch = int64(), let n = int64() else { return nil }
        return Position(epoch: epoch, n: n)
    }

    mutating func position() -> Position? {
        guard let epoch = number(), let n = number() else { return nil }
        return Position(epoch: epoch, n: n)
    }

    mutating func timestamp() -> Timestamp? { number().map { Timestamp(microseconds: $0) } }

    mutating func couponID() -> CouponID? { int64().map { CouponID($0) } }

    mutating func userID() -> UserID? { int64().map { UserID($0) } }

    mutating func rejectionReason() -> RejectionReason? { byte().flatMap { .init(rawValue: $0) } }

    mutating func requestID() -> RequestID? {
        guard let length = byte(), length <= RequestID.maximumLength,
            let high = integer(UInt64.self), let low = integer(UInt64.self)
        else { return nil }
        return RequestID(high: high, low: low, length: length)
    }

    /// State, flags and window, as the scripts pack them; open or closed at `now`.
    mutating func door(now: Timestamp) -> Door? {
        guard let state = byte().flatMap({ CouponState(rawValue: $0) }), let flags = byte(),
            let opens = timestamp(), let closes = timestamp()
        else { return nil }
        return Door(
            state: state, window: Window(opens: opens, closes: closes), isFull: flags & 1 != 0,
            isSoldOut: flags & 2 != 0, now: now)
    }

    mutating func holder() -> GateHolder? {
        guard let kind = byte().flatMap({ HolderKind(rawValue: $0) }), let reason = byte(),
            let sequence = number(), let position = position(), let requestID = requestID()
        else { return nil }
        let rejection = RejectionReason(rawValue: reason)
        if kind != .accepted && rejection == nil { return nil }
        return GateHolder(
            sequence: sequence, position: position, requestID: requestID,
            rejection: kind == .accepted ? nil : rejection, keepsSlot: kind == .deadLetter)
    }
}
