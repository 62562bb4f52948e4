// The answer of `coupon_status`. Its structs are made once and filled again for each answer, and its coupon
// is packed once for all answers in a row that have it: callers ask for many users of one coupon.

internal import CCouponProto
internal import CProtobufC
public import CouponDomain

/// Encodes statuses, one after the other.
@safe public struct StatusEncoder: ~Copyable {
    /// The longest frame, in bytes. `write` needs this much room.
    public static let maximumBytes = maximumCouponBytes + 120
    /// A title and nine numbers at their longest, as a field.
    private static let maximumCouponBytes = Limits.maximumTitleBytes + 120
    /// The struct of a coupon with its title.
    private static let memoryBytes = 1_024

    private let response: UnsafeMutablePointer<Coupond__Frames__V1__StatusResponseFrame>
    /// Without its coupon.
    private let status: UnsafeMutablePointer<Coupond__V1__CouponStatusResponse>
    private var arena = MessageArena(bytes: memoryBytes)
    /// The coupon that is packed.
    private var coupon: Coupon?
    /// A packed status: its first field, the coupon, and behind it the other fields of the latest answer.
    private let bytes: UnsafeMutablePointer<UInt8>
    private var couponSize = 0

    /// An encoder.
    public init() {
        unsafe response = .allocate(capacity: 1)
        unsafe status = .allocate(capacity: 1)
        unsafe bytes = .allocate(capacity: Self.maximumBytes)
        unsafe coupond__frames__v1__status_response_frame__init(response)
        unsafe coupond__v1__coupon_status_response__init(status)
    }

    deinit {
        unsafe response.deallocate()
        unsafe status.deallocate()
        unsafe bytes.deallocate()
    }

    /// Writes the response of request `id`, its length included, as `FrameEncoder` would.
    ///
    /// - Parameter output: with room for `maximumBytes`.
    /// - Returns: false, with nothing written, if the coupon's title is much longer than titles may be.
    public mutating func write(
        _ answer: CouponStatus, id: UInt64, into output: inout OutputRawSpan
    ) -> Bool {
        precondition(output.freeCapacity >= Self.maximumBytes, "the longest status must fit")
        if coupon != answer.coupon {
            coupon = nil
            guard pack(answer.coupon) else { return false }
            coupon = answer.coupon
        }
        unsafe Part(status, in: self).fill(answer)
        let rest = unsafe coupond__v1__coupon_status_response__pack(status, bytes + couponSize)
        unsafe response.pointee.id = id
        unsafe response.pointee.coupon_status = unsafe ProtobufCBinaryData(
            len: couponSize + rest, data: bytes)
        unsafe output.appendFrame {
            unsafe coupond__frames__v1__status_response_frame__pack(response, $0)
        }
        return true
    }

    private mutating func pack(_ coupon: Coupon) -> Bool {
        arena.reset()
        guard let size = try? packed(coupon) else { return false }
        couponSize = size
        return true
    }

    /// The size of a status that has nothing but the coupon, in `bytes`; nil if it is too long.
    private func packed(_ coupon: Coupon) throws(Failure) -> Int? {
        let part = try arena.make(Coupond__V1__CouponStatusResponse.self)
        part.coupon = try arena.coupon(coupon)
        guard part.packedSize <= Self.maximumCouponBytes else { return nil }
        return unsafe protobuf_c_message_pack(part.base, bytes)
    }
}
