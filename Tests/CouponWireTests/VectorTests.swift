import CouponCore
import CouponWire
import Foundation
import Testing

// Tests/Vectors, which Scripts/generate-vectors makes with the official protobuf library.

private struct Vector: Decodable, CustomTestStringConvertible {
    struct Refusal: Decodable {
        let id: UInt64?
        let code: Int32?
        let text: String
    }

    let name: String
    let bytes: String
    /// What the message means, as the official library writes it; nil if it is refused.
    let meaning: String?
    let error: Refusal?

    var testDescription: String { name }
}

private func vectors(_ name: String) -> [Vector] {
    let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Vectors/\(name).json")
    return (try? JSONDecoder().decode([Vector].self, from: Data(contentsOf: path))) ?? []
}

@Suite("Vectors")
struct VectorTests {
    @Test("There are at least 150, and each says what must happen")
    func complete() {
        let all = vectors("requests") + vectors("responses")
        #expect(all.count >= 150)
        #expect(all.allSatisfy { ($0.meaning == nil) != ($0.error == nil) })
    }

    @Test("The daemon reads a request as the vector says", arguments: vectors("requests"))
    private func requests(_ vector: Vector) throws {
        let bytes = bytes(hex: vector.bytes)
        guard let error = vector.error else {
            let read = try request(in: bytes)
            #expect(
                message(in: try frame(of: read)) == CouponWireTests.bytes(hex: vector.meaning ?? "")
            )
            return
        }
        let refused = try #require(refusal(of: bytes))
        #expect(refused.id == error.id)
        #expect(refused.failure.code.rawValue == error.code)
        #expect(refused.failure.message == error.text)
    }

    @Test("A client reads an answer as the vector says", arguments: vectors("responses"))
    private func responses(_ vector: Vector) throws {
        let bytes = bytes(hex: vector.bytes)
        guard let error = vector.error else {
            let read = try response(in: bytes)
            #expect(
                message(in: frame(of: read)) == CouponWireTests.bytes(hex: vector.meaning ?? ""))
            return
        }
        #expect(throws: UnreadableResponse(id: error.id, reason: error.text)) {
            _ = try response(in: bytes)
        }
    }
}
