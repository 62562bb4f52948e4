// The most frequent answer. Its structs are made once and filled again for each answer, and it is short
// enough to be written without being measured first.

internal import CCouponProto
internal import CProtobufC
public import CouponDomain

/// Encodes outcomes, one after the other.
@safe public struct OutcomeEncoder: ~Copyable {
    /// The longest frame, in bytes: the length, and every field of a Response and an IssueResponse at its
    /// longest. `write` needs this much room.
    public static let maximumBytes = 64

    private let response: UnsafeMutablePointer<Coupond__Frames__V1__IssueResponseFrame>
    private let issue: UnsafeMutablePointer<Coupond__V1__IssueResponse>

    /// An encoder.
    public init() {
        unsafe response = .allocate(capacity: 1)
        unsafe issue = .allocate(capacity: 1)
        unsafe coupond__frames__v1__issue_response_frame__init(response)
        unsafe coupond__v1__issue_response__init(issue)
        unsafe response.pointee.issue = unsafe issue
    }

    deinit {
        unsafe response.deallocate()
        unsafe issue.deallocate()
    }

    /// Writes the response of request `id`, its length included, as `FrameEncoder` would.
    ///
    /// - Parameter output: with room for `maximumBytes`.
    public mutating func write(_ outcome: Outcome, id: UInt64, into output: inout OutputRawSpan) {
        precondition(output.freeCapacity >= Self.maximumBytes, "the longest outcome must fit")
        unsafe response.pointee.id = id
        unsafe Part(issue, in: self).fill(outcome)
        unsafe output.appendFrame {
            unsafe coupond__frames__v1__issue_response_frame__pack(response, $0)
        }
    }
}
