// The answer of `coupon_status`. Its structs are made once and filled again for each answer, and its coupon
// is packed once for all answers in a row that have it: callers ask for many users of one coupon.

internal import CCouponProto
internal import CProtobufC
public import CouponDomain

/// Encodes statuses, one after the other.
@safe public struct StatusEncoder: ~Copyable {
    /// The longest frame, in bytes. `write` needs this much room.
    public static let maximumBytes = maximumCouponBytes + 120
    /// A title and nine numbers at their longest.
    private static let maximumCouponBytes = Limits.maximumTitleBytes + 120
    /// The struct of a coupon with its title.
    private static let memoryBytes = 1_024

    private let response: UnsafeMutablePointer<Coupond__Frames__V1__StatusResponseFrame>
    private let status: UnsafeMutablePointer<Coupond__Frames__V1__StatusFrame>
    private var arena = MessageArena(bytes: memoryBytes)
    /// The coupon that is packed.
    private var coupon: Coupon?
    private let couponBytes: UnsafeMutablePointer<UInt8>

    /// An encoder.
    public init() {
        unsafe response = .allocate(capacity: 1)
        unsafe status = .allocate(capacity: 1)
        unsafe couponBytes = .allocate(capacity: Self.maximumCouponBytes)
        unsafe coupond__frames__v1__status_response_frame__init(response)
        unsafe coupond__frames__v1__status_frame__init(status)
        unsafe response.pointee.coupon_status = unsafe status
    }

    deinit {
        unsafe response.deallocate()
        unsafe status.deallocate()
        unsafe couponBytes.deallocate()
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
        unsafe response.pointee.id = id
        unsafe Part(status, in: self).fill(answer)
        unsafe output.appendFrame {
            unsafe coupond__frames__v1__status_response_frame__pack(response, $0)
        }
        return true
    }

    private mutating func pack(_ coupon: Coupon) -> Bool {
        arena.reset()
        guard let part = try? arena.coupon(coupon), part.packedSize <= Self.maximumCouponBytes
        else { return false }
        let size = unsafe protobuf_c_message_pack(part.base, couponBytes)
        unsafe status.pointee.coupon = unsafe ProtobufCBinaryData(len: size, data: couponBytes)
        return true
    }
}
