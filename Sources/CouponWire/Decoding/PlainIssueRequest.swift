// The one message that comes a million times, read in one pass without libprotobuf-c. It knows an issue
// request as every client writes it: known fields, each once, with values that are allowed. Whatever else
// comes is not judged here but by `RequestDecoder`, whose word on a frame is the only one.

internal import CouponCore

/// An issue request that needs no second look.
public struct PlainIssueRequest: Equatable, Sendable {
    /// Chosen by the client; the response carries it.
    public let id: UInt64
    /// How long the caller will wait, in milliseconds; nil where it does not say.
    public let deadlineMilliseconds: UInt32?
    /// What is asked.
    public let issue: IssueRequest

    /// Reads a message, without its length.
    ///
    /// Nil where it is anything but plain: then `RequestDecoder` says what it is. Where this is not nil,
    /// the decoder would give the same, with an empty token.
    public init?(_ message: RawSpan) {
        var id: UInt64 = 0
        var deadline: UInt64 = 0
        var issue: IssueRequest?
        var seen = SeenFields()
        var reading = Reading(0..<message.byteCount)
        while let tag = reading.byte(message) {
            guard seen.isFirst(tag) else { return nil }
            switch tag {
            case 0x08:
                guard let value = reading.varint(message) else { return nil }
                id = value
            case 0x10:
                guard let value = reading.varint(message), value <= UInt32.max else { return nil }
                deadline = value
            case 0x52:
                guard let part = reading.field(message),
                    let value = IssueRequest(plain: message, part)
                else { return nil }
                issue = value
            default: return nil
            }
        }
        guard let issue else { return nil }
        self.id = id
        deadlineMilliseconds = deadline == 0 ? nil : UInt32(truncatingIfNeeded: deadline)
        self.issue = issue
    }
}

extension IssueRequest {
    fileprivate init?(plain message: RawSpan, _ part: Range<Int>) {
        var (coupon, user, waitFor, attempt) = (UInt64(0), UInt64(0), UInt64(0), UInt64(0))
        var requestID = RequestID.empty
        var seen = SeenFields()
        var reading = Reading(part)
        while let tag = reading.byte(message) {
            guard seen.isFirst(tag) else { return nil }
            if tag == 0x1A {
                guard let part = reading.field(message),
                    let id = RequestID(message.extracting(part))
                else { return nil }
                requestID = id
                continue
            }
            guard let value = reading.varint(message) else { return nil }
            switch tag {
            case 0x08: coupon = value
            case 0x10: user = value
            case 0x20: waitFor = value
            case 0x28: attempt = value
            default: return nil
            }
        }
        guard (1...UInt64(Int64.max)).contains(coupon), (1...UInt64(Int64.max)).contains(user),
            waitFor <= 1, attempt <= UInt32.max
        else { return nil }
        self.init(
            coupon: CouponID(Int64(truncatingIfNeeded: coupon)),
            user: UserID(Int64(truncatingIfNeeded: user)), requestID: requestID,
            waitFor: waitFor == 1 ? .issued : .accepted,
            attempt: UInt32(truncatingIfNeeded: attempt))
    }
}

/// Which fields of a message have come; tags of one byte, up to field 15.
private struct SeenFields {
    private var bits: UInt16 = 0

    mutating func isFirst(_ tag: UInt8) -> Bool {
        let bit: UInt16 = 1 << UInt16(tag >> 3)
        defer { bits |= bit }
        return tag < 0x80 && bits & bit == 0
    }
}

/// A place in a message, moving from left to right.
private struct Reading {
    private(set) var offset: Int
    private let end: Int

    /// Of a part of some bytes, which must contain it.
    init(_ part: Range<Int>) {
        offset = part.lowerBound
        end = part.upperBound
    }

    /// Nil at the end.
    @inline(__always)
    mutating func byte(_ bytes: RawSpan) -> UInt8? {
        guard offset < end else { return nil }
        defer { offset += 1 }
        return unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }

    /// Nil where it does not end, or does not fit.
    @inline(__always)
    mutating func varint(_ bytes: RawSpan) -> UInt64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while let byte = byte(bytes) {
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return shift < 63 || byte <= 1 ? value : nil }
            shift += 7
            if shift > 63 { return nil }
        }
        return nil
    }

    /// Where a field with a length below 128 lies; nil where it is not all there.
    @inline(__always)
    mutating func field(_ bytes: RawSpan) -> Range<Int>? {
        guard let length = byte(bytes), length < 0x80, offset + Int(length) <= end else {
            return nil
        }
        defer { offset += Int(length) }
        return offset..<offset + Int(length)
    }
}
