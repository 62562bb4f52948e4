import CouponCore
import CouponWire
import Foundation
import Testing

@Suite struct WireNameTests {
    private static let schema: String = {
        let root = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let folder = root.appending(path: "Proto/coupond/v1")
        let files = try? FileManager.default.contentsOfDirectory(
            at: folder, includingPropertiesForKeys: nil)
        return (files ?? []).compactMap { try? String(contentsOf: $0, encoding: .utf8) }.joined()
    }()

    /// The values of an enum of the schema, by name without their prefix; without UNSPECIFIED and NONE.
    private static func values(_ name: String, _ prefix: String) -> [String: UInt8] {
        guard let body = schema.split(separator: "enum \(name) {").last?.split(separator: "}").first
        else { return [:] }
        var values: [String: UInt8] = [:]
        for line in body.split(separator: "\n") {
            guard let match = line.wholeMatch(of: /\s*([A-Z_]+) = (\d+);/),
                match.1.hasPrefix(prefix)
            else { continue }
            let number = UInt8(match.2) ?? 0
            if number > 0 { values[String(match.1.dropFirst(prefix.count))] = number }
        }
        return values
    }

    @Test func `methods have the names of their fields`() {
        #expect(Request.Method.pauseCoupon(CouponID(1)).name == "pause_coupon")
        #expect(Request.Method.serverInfo().name == "server_info")
        #expect(Request.Method.reload.name == "reload")
    }

    @Test func `outcomes have the names and numbers of the schema`() {
        let kinds = Outcome.Kind.allCases.map { ($0.name, $0.rawValue) }
        #expect(
            Dictionary(uniqueKeysWithValues: kinds) == Self.values("Outcome", "OUTCOME_"))
    }

    @Test func `states and reasons have the names and numbers of the schema`() {
        let reasons = RejectionReason.allCases.map { ($0.name, $0.rawValue) }
        #expect(
            Dictionary(uniqueKeysWithValues: reasons)
                == Self.values("RejectionReason", "REJECTION_REASON_"))
        let states = CouponState.allCases.map { ($0.name, $0.rawValue) }
        #expect(
            Dictionary(uniqueKeysWithValues: states)
                == Self.values("CouponState", "COUPON_STATE_"))
        let letters = DeadLetter.State.allCases.map { ($0.name, $0.rawValue) }
        #expect(
            Dictionary(uniqueKeysWithValues: letters)
                == Self.values("DeadLetterState", "DEAD_LETTER_STATE_"))
        let sources = Sentence.Source.allCases.map { ($0.name, $0.rawValue) }
        #expect(
            Dictionary(uniqueKeysWithValues: sources)
                == Self.values("SentenceSource", "SENTENCE_SOURCE_"))
    }
}
