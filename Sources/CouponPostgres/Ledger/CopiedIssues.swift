/// Issues in the binary form of COPY: one pass over the candidates, one array.
internal import CouponCore

enum CopiedIssues {
    static let sql = """
        COPY coupond.coupon_issue
            (coupon_id, user_id, sequence, accepted_at, issued_at, request_id)
        FROM STDIN (FORMAT binary)
        """

    private static let columns: Int16 = 6
    /// The longest row, in bytes: the number of columns, five integers and the request id, each with its
    /// length.
    private static let rowBytes = 2 + 5 * 12 + 4 + RequestID.maximumLength

    /// Header, rows, and the end of them.
    static func bytes(
        _ candidates: some Collection<BatchDecision.Candidate>, issuedAt: Timestamp
    ) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(32 + candidates.count * rowBytes)
        bytes += "PGCOPY\n".utf8
        bytes += [0xFF, 0x0D, 0x0A, 0]
        bytes.append(bigEndian: Int32(0))  // no flags
        bytes.append(bigEndian: Int32(0))  // no more header
        for candidate in candidates {
            bytes.append(bigEndian: columns)
            bytes.append(column: candidate.accepted.coupon.rawValue)
            bytes.append(column: candidate.accepted.user.rawValue)
            bytes.append(column: candidate.accepted.sequence)
            bytes.append(column: candidate.acceptedAt.sinceMillennium)
            bytes.append(column: issuedAt.sinceMillennium)
            bytes.append(bigEndian: Int32(candidate.accepted.requestID.count))
            bytes.append(candidate.accepted.requestID)
        }
        bytes.append(bigEndian: Int16(-1))
        return bytes
    }
}

extension [UInt8] {
    fileprivate mutating func append(column value: Int64) {
        append(bigEndian: Int32(8))
        append(bigEndian: value)
    }
}
