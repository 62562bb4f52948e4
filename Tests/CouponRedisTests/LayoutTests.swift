/// The packed layouts, read back and damaged: no bytes in Redis may crash the daemon.
internal import CoreTestKit
internal import CouponCore
internal import Testing

@testable internal import CouponRedis

@Suite struct LayoutTests {
    /// `good` cut at every length, and with every byte replaced.
    private func damaged(_ good: [UInt8]) -> [[UInt8]] {
        var all = good.indices.map { Array(good[..<$0]) }
        for index in good.indices {
            for value in [0, 1, 2, 3, 0x7F, 0x80, 0xFF] as [UInt8] {
                var bad = good
                bad[index] = value
                all.append(bad)
            }
        }
        return all
    }

    /// What Redis holds was written by an earlier daemon.
    @Test func `layouts keep their lengths`() {
        #expect(Layout.request == 25 && Layout.holder == 43)
        #expect(Layout.entryHeader == 9 && Layout.entryCoupon == 20)
        #expect(Layout.gateRequest == 33 && Layout.verdict == 26 && Layout.terms == 34)
        #expect(Layout.stagedHolder == 51 && Layout.acceptance == 25)
        #expect(Layout.countedCoupon == 16 && Layout.settledCoupon == 51 && Layout.rejection == 63)
        #expect(Layout.standing == 42 && Layout.publishedRejection == 17)
    }

    @Test func `names of constants in a script are replaced by their values`() {
        let script = "a(ID_BYTES, HOLDER_BYTES+1) GRID_BYTES ENTRY_FIELD -- GATE_REQUEST_FORMAT"
        let text = String(decoding: Layout.withValues(Array(script.utf8)), as: UTF8.self)
        #expect(text == "a(8, 43+1) GRID_BYTES 'e' -- '>c17I8'")
    }

    /// Lua would find a misspelt constant only when that line runs.
    @Test(arguments: Script.allCases) fileprivate func `a script has no unknown constant`(
        _ script: Script
    ) {
        let text = String(decoding: script.text, as: UTF8.self)
        #expect(text.hasPrefix("#!lua"))
        let code = text.split(separator: "\n").map {
            $0.split(separator: "--", omittingEmptySubsequences: false)[0]
        }.joined(separator: "\n")
        let defined = code.matches(of: /local ([A-Z][A-Z_, ]*) =/)
            .flatMap { $0.output.1.split(separator: ", ") }
        let used = code.matches(of: /\b[A-Z]+(?:_[A-Z]+)+\b/).map(\.output)
        #expect(Set(used).subtracting(defined).isEmpty)
    }

    @Test(arguments: [nil, .soldOut, .alreadyIssued, .notFound, .deadLetter] as [RejectionReason?])
    func `a holder is read as it was written`(rejection: RejectionReason?) {
        let holder = GateHolder(
            sequence: 1 << 52, position: at(9, epoch: 8), requestID: id("0123456789abcdef"),
            rejection: rejection)
        var writer = ByteWriter()
        writer.append(holder)
        #expect(writer.bytes.count == Layout.holder)
        var reader = ByteReader(writer.bytes)
        #expect(reader.holder() == holder)
        for bytes in damaged(writer.bytes) {
            var reader = ByteReader(bytes)
            _ = reader.holder()
        }
    }

    /// An entry's bytes in the layout of today, with two coupons, and in the one before.
    private var entries: [[UInt8]] {
        var today = ByteWriter()
        today.append(2 as UInt8)
        today.append(1_000 as Int64)
        for coupon in [7, 8] as [Int64] {
            for number in [coupon, 1] { today.append(number) }
            today.append(1 as UInt32)
            today.append(UserID(5))
            today.append(id("a"))
        }
        var before = ByteWriter()
        before.append(1 as UInt8)
        for number in [7, 1, 1_000] as [Int64] { before.append(number) }
        before.append(UserID(5))
        before.append(id("a"))
        return [today.bytes, before.bytes]
    }

    private func item(_ entry: [UInt8]) throws -> QueueItem {
        try #require(
            QueueItem(
                .array([
                    .bytes(Array("1-1".utf8)),
                    .array([.bytes([UInt8(ascii: "e")]), .bytes(entry)]),
                ])))
    }

    @Test func `an entry is read in both layouts`() throws {
        let requests = [EntryRequest(user: UserID(5), requestID: id("a"))]
        for (bytes, coupons) in zip(entries, [[7, 8], [7]] as [[Int64]]) {
            let entry = QueueEntry(
                position: at(1), acceptedAt: Timestamp(microseconds: 1_000),
                coupons: coupons.map {
                    QueuedCoupon(coupon: CouponID($0), firstSequence: 1, requests: requests)
                })
            #expect(try item(bytes) == .entry(entry))
        }
    }

    @Test func `a damaged entry or reply never crashes`() throws {
        for entry in entries {
            for bytes in damaged(entry) { _ = try item(bytes) }
            // An entry that is cut at the end of a coupon is another valid entry; any other cut is noticed.
            for length in 1..<entry.count where length != 9 + 45 {
                #expect(try item(Array(entry[..<length])).isDamaged)
            }
        }

        var reply = ByteWriter()
        reply.append(0 as UInt8)
        for number in 1...5 { reply.append(Int64(number)) }
        reply.append(0 as UInt8)
        for number in 1...2 { reply.append(Int64(number)) }
        for byte in [1, 0] as [UInt8] { reply.append(byte) }  // active, not full
        for edge in [0, 9] as [Int64] { reply.append(edge) }  // its window
        for byte in [0, 0] as [UInt8] { reply.append(byte) }  // accepted
        for number in [1, 1, 1] as [Int64] { reply.append(number) }
        let call = { (requests: Int64) in
            GateCall(
                partition: partition, epoch: 1,
                identity: RedisIdentity(runID: "", replicationID: ""), floor: 0,
                coupon: CouponID(7), requests: (0..<requests).map { request($0 + 1) })
        }
        #expect(GateAnswer(reply.bytes, to: call(1))?.verdicts.count == 1)
        #expect(GateAnswer(reply.bytes, to: call(2)) == nil)
        for bytes in damaged(reply.bytes) { _ = GateAnswer(bytes, to: call(1)) }
    }

    @Test(arguments: [Int64.max, .min])
    func `a damaged record's numbers are clamped`(_ number: Int64)
        throws
    {
        var parts = [Reply](repeating: .integer(number), count: 11)
        parts[6] = .integer(1)
        let record = try #require(GateRecord(.array(parts)))
        let edge = number > 0 ? Limits.maximumNumber : -1
        let numbers = [record.version, record.rev, record.used, record.queued, record.nextSequence]
        #expect(numbers.allSatisfy { $0 == edge } && record.cap == max(0, edge))
    }

    @Test func `the fields of a reply are read in order, and one of another form is nil`() throws {
        #expect(ReplyFields(.integer(1)) == nil)
        var fields = try #require(
            ReplyFields(
                .array([
                    .integer(2), .integer(1), .integer(7), .bytes([0x61]), .none, .bytes([5]),
                ])))
        #expect(fields.gateStatus() == .open)
        #expect(fields.position() == Position(epoch: 1, n: 7))
        #expect(fields.text() == "a")
        #expect(fields.integer() == nil && !fields.isAtEnd)
        #expect(fields.bytes() == [5] && fields.isAtEnd)
        #expect(fields.next() == nil && fields.text() == nil)
    }

    @Test func `a command has Redis' form`() {
        var command = Command(argumentCount: 3)
        command.append("SET")
        command.append(-12)
        command.append([0, 13, 10] as [UInt8])
        #expect(
            command.bytes == Array("*3\r\n$3\r\nSET\r\n$3\r\n-12\r\n$3\r\n\0\r\n\r\n".utf8))
    }
}
