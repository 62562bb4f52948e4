import CouponCore
import CouponWire
import Testing

extension [UInt8] {
    /// One to four small damages: a bit, a byte, a cut, a repetition, a piece of another message.
    fileprivate mutating func damage(
        like others: [[UInt8]], using generator: inout SplitMix64
    ) {
        for _ in 0..<Int.random(in: 1...4, using: &generator) where !isEmpty {
            let place = Int.random(in: 0..<count, using: &generator)
            switch Int.random(in: 0..<6, using: &generator) {
            case 0: self[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 1: self[place] = UInt8.random(in: 0...255, using: &generator)
            case 2: removeSubrange(place..<Swift.min(place + 3, count))
            case 3: insert(contentsOf: self[place..<Swift.min(place + 8, count)], at: place)
            case 4: self[place] = [0, 0x7F, 0x80, 0xFF].randomElement(using: &generator) ?? 0
            default:
                let other = others.randomElement(using: &generator) ?? []
                insert(contentsOf: other, at: place)
            }
        }
    }
}

@Suite("Mutations")
struct MutationTests {
    private static let seed: UInt64 = 0xC0_0B_0D
    private static let rounds = 200_000

    @Test("Of 200,000 damaged requests each is refused by name or is a valid request")
    func requests() throws {
        print("mutation seed \(Self.seed)")
        var generator = SplitMix64(seed: Self.seed)
        var decoder = RequestDecoder()
        let originals = try Samples.requests.map { try message(in: frame(of: $0)) }
        let documented: Set<StatusCode> = [.invalidArgument, .unimplemented, .resourceExhausted]
        var refused = 0
        for round in 0..<Self.rounds {
            var bytes = originals[round % originals.count]
            bytes.damage(like: originals, using: &generator)
            do throws(RefusedRequest) {
                let decoded = unsafe try decoder.decode(bytes.span.bytes)
                // An accepted message is valid: it can be written and read again.
                let again = try? request(in: message(in: frame(of: decoded)))
                if again != decoded { Testing.Issue.record("round \(round): \(decoded)") }
            } catch {
                refused += 1
                let failure = error.failure
                let isDocumented =
                    documented.contains(failure.code) && failure.acceptance == .notAccepted
                    && failure.message.contains(": ") && failure.retryAfterMilliseconds == nil
                if !isDocumented { Testing.Issue.record("round \(round): \(failure)") }
            }
        }
        #expect(refused > Self.rounds / 10)
        #expect(refused < Self.rounds)
    }

    @Test("A damaged request that decodes as a plain issue request is a valid one")
    func plainIssueRequests() throws {
        var generator = SplitMix64(seed: Self.seed + 3)
        let originals = try Samples.requests.filter {
            if case .issue = $0.method { true } else { false }
        }.map { try message(in: frame(of: $0)) }
        var plain = 0
        var decoder = RequestDecoder()
        for round in 0..<Self.rounds {
            var bytes = originals[round % originals.count]
            bytes.damage(like: originals, using: &generator)
            guard let fast = unsafe decoder.decodeIssue(bytes.span.bytes) else { continue }
            plain += 1
            let expected = Request(
                id: fast.id, deadlineMilliseconds: fast.deadlineMilliseconds,
                method: .issue(fast.issue))
            if (try? request(in: bytes)) != expected {
                Testing.Issue.record("round \(round): \(bytes)")
            }
        }
        #expect(plain > Self.rounds / 100)
    }

    @Test("Of 100,000 damaged answers each is refused or is an answer")
    func responses() {
        var generator = SplitMix64(seed: Self.seed + 1)
        var decoder = ResponseDecoder()
        let originals = Samples.responses.map { message(in: frame(of: $0)) }
        var refused = 0
        for round in 0..<Self.rounds / 2 {
            var bytes = originals[round % originals.count]
            bytes.damage(like: originals, using: &generator)
            do throws(UnreadableResponse) {
                _ = unsafe try decoder.decode(bytes.span.bytes)
            } catch {
                refused += 1
                if error.reason.isEmpty { Testing.Issue.record("round \(round)") }
            }
        }
        #expect(refused > Self.rounds / 20)
    }

    @Test("Random bytes as a stream: the splitter never gives a frame above the limit")
    func streams() {
        var generator = SplitMix64(seed: Self.seed + 2)
        let splitter = FrameSplitter(maximumLength: 100)
        for _ in 0..<Self.rounds / 2 {
            var bytes = [UInt8](repeating: 0, count: Int.random(in: 0..<12, using: &generator))
            for index in bytes.indices {
                bytes[index] =
                    UInt8.random(in: 0...255, using: &generator)
                    & UInt8.random(in: 0...255, using: &generator)
                    & (index < 3 ? UInt8.random(in: 0...255, using: &generator) & 1 : 0xFF)
            }
            if case .frame(let length) = unsafe splitter.next(in: bytes.span.bytes) {
                #expect((1...100).contains(length) && length + 4 <= bytes.count)
            }
        }
    }
}
