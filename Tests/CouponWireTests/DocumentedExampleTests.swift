import CouponCore
import CouponWire
import Foundation
import Testing

// The frames of docs/PROTOCOL.md, made by another protobuf library: the page, the schema and this
// code agree on every byte.

private let requests: [(String, Request)] = [
    (
        "0000001b 0801 5217 082a 10e907 1a10 00112233445566778899aabbccddeeff",
        Request(
            id: 1,
            method: .issue(
                IssueRequest(
                    coupon: CouponID(42), user: UserID(1001),
                    requestID: RequestID(
                        high: 0x0011_2233_4455_6677, low: 0x8899_AABB_CCDD_EEFF, length: 16))))
    ),
    (
        "00000013 0802 108827 520c 082a 10ea07 1a0101 2001 2801",
        Request(
            id: 2, deadlineMilliseconds: 5_000,
            method: .issue(
                IssueRequest(
                    coupon: CouponID(42), user: UserID(1002),
                    requestID: RequestID(high: 1 << 56, low: 0, length: 1), waitFor: .issued,
                    attempt: 1)))
    ),
    (
        "00000009 0806 5a05 082a 10e907",
        Request(id: 6, method: .couponStatus(coupon: CouponID(42), user: UserID(1001)))
    ),
    ("00000004 0807 6200", Request(id: 7, method: .health)),
    (
        "0000000a 0808 ba0105 082a 18f403",
        Request(id: 8, method: .updateCoupon(CouponID(42), CouponChange(total: .some(500))))
    ),
]

private let wrongField = Failure(.invalidArgument, "issue.coupon_id: must be positive, got -3")

private let responses: [(String, Response)] = [
    ("00000008 0801 5204 0801 1007", Response(id: 1, result: .issue(.accepted(sequence: 7)))),
    (
        "00000011 0802 520d 0802 1008 18808081b184e99103",
        Response(
            id: 2,
            result: .issue(
                .issued(sequence: 8, at: Timestamp(microseconds: 1_767_225_600_000_000))))
    ),
    ("00000006 0803 5202 0804", Response(id: 3, result: .issue(.soldOut))),
    (
        "00000031 0804 122d 0803 1229 "
            + "69737375652e636f75706f6e5f69643a206d75737420626520706f7369746976652c20676f74202d33",
        Response(id: 4, result: .failure(wrongField))
    ),
    (
        "0000001b 0805 1217 0804 120f 646561646c696e6520706173736564 2001 2809",
        Response(
            id: 5,
            result: .failure(
                Failure(
                    .deadlineExceeded, "deadline passed", acceptance: .accepted(sequence: 9))))
    ),
    (
        "00000018 1216 0803 1212 6672616d653a206c656e6774682069732030",
        Response(id: 0, result: .failure(Failure(.invalidArgument, "frame: length is 0")))
    ),
]

@Suite("Documented examples")
struct DocumentedExampleTests {
    private static let wrong = "00000011 0804 520d 08fdffffffffffffffff01 1001"

    @Test("A request is read and written as documented", arguments: requests)
    func request(_ hex: String, _ value: Request) throws {
        #expect(try CouponWireTests.request(in: message(in: bytes(hex: hex))) == value)
        #expect(try frame(of: value) == bytes(hex: hex))
    }

    @Test("An answer is written and read as documented", arguments: responses)
    func response(_ hex: String, _ value: Response) throws {
        #expect(frame(of: value) == bytes(hex: hex))
        #expect(try CouponWireTests.response(in: message(in: bytes(hex: hex))) == value)
    }

    @Test("The wrong request gets the documented answer")
    func wrongRequest() {
        let refusal = refusal(of: message(in: bytes(hex: Self.wrong)))
        #expect(refusal == RefusedRequest(id: 4, failure: wrongField))
    }

    @Test("The page shows these frames and no others")
    func page() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let page = try String(contentsOf: root.appending(path: "docs/PROTOCOL.md"), encoding: .utf8)
        let shown = page.split(separator: "\n")
            .filter { $0.hasPrefix("    0000") }.map { $0.drop { $0 == " " } }
        let checked = requests.map(\.0) + responses.map(\.0) + [Self.wrong, "00000000"]
        #expect(Set(shown.map(String.init)) == Set(checked))
    }
}
