/// Lines of the trail and explanations, as couponctl shows them.
import CouponCore
import Testing

@testable import couponctl

@Suite struct HistoryRenderingTests {
    private func line(before: String?, after: String?) -> TrailLine {
        TrailLine(
            id: 5, at: Timestamp(microseconds: 1_000_000),
            action: AdminAction(
                call: AdminCall(
                    principal: "alice", address: "::1", method: "update_coupon", request: .max),
                coupon: CouponID(7), before: before, after: after))
    }

    @Test func `a change shows what differs`() {
        let before = #"{"id": 7, "title": "a", "total": null, "opens_at": 0}"#
        let after = #"{"id": 7, "title": "b", "total": 9, "opens_at": 1000000}"#
        #expect(
            line(before: before, after: after).row.last
                == "opens_at: 1970-01-01T00:00:00Z → 1970-01-01T00:00:01Z, title: a → b, "
                + "total: - → 9")
        #expect(line(before: before, after: before).row.last == "-")
        #expect(line(before: nil, after: #"{"id": 7, "total": 9}"#).row.last == "id: 7, total: 9")
        #expect(line(before: nil, after: nil).row.last == "-")
    }

    @Test func `JSON has the documents as documents, whatever they hold`() {
        let nasty = line(
            before: #"{"title": "\u001b\#u{202E}x", "n": [1, true, 0.5]}"#, after: "}{")
        #expect(
            nasty.json.description
                == #"{"id":5,"at":"1970-01-01T00:00:01Z","principal":"alice","address":"::1","#
                + #""method":"update_coupon","coupon_id":7,"request":"18446744073709551615","#
                + #""before":{"n":[1,true,0.5],"title":"\u001b\u202ex"},"after":"}{","#
                + #""outcome":"OK","count":1}"#)
        let text = Table(header: TrailLine.header, rows: [nasty.row]).lines.joined()
        #expect(text.contains("\\u{1b}\\u{202e}x"))
        #expect(!text.unicodeScalars.contains("\u{202E}"))
    }

    @Test func `a sentence shows its evidence`() {
        let id = RequestID(high: 0xFF, low: 0, length: 8)
        let sentence = Sentence(
            .tables, "issued", sequence: 3, requestID: id, at: Timestamp(microseconds: 0))
        #expect(
            sentence.row
                == [
                    "TABLES", "1970-01-01T00:00:00Z",
                    "issued (sequence 3, request 00000000000000ff)",
                ])
        #expect(Sentence(.gate, "x").row == ["GATE", "-", "x"])
        #expect(
            Sentence(.gate, "x").json.description
                == #"{"source":"GATE","text":"x","sequence":null,"request_id":null,"at":null}"#)
    }
}
