/// The elements of a script's reply, read in the order in which the header of the script names them.
internal import CouponCore

struct ReplyFields {
    private var rest: ArraySlice<Reply>

    /// Nil if the reply is not an array.
    init?(_ reply: Reply) {
        guard let elements = reply.elements else { return nil }
        rest = elements[...]
    }

    /// Whether all elements have been read.
    var isAtEnd: Bool { rest.isEmpty }

    /// The next element; nil at the end. The other methods also return nil if the element has another form.
    mutating func next() -> Reply? { rest.popFirst() }

    mutating func integer() -> Int64? { next()?.integerValue }

    mutating func text() -> String? { next()?.text }

    mutating func bytes() -> [UInt8]? { next()?.bytesValue }

    mutating func position() -> Position? {
        guard let epoch = integer(), let n = integer() else { return nil }
        return Position(epoch: epoch, n: n)
    }

    mutating func gateStatus() -> GateStatus? {
        integer().flatMap { GateStatus(rawValue: UInt8(clamping: $0)) }
    }
}
