import TestSupport
import Testing

@Suite struct EventuallyTests {
    @Test func `it looks until the condition holds, and an error means not yet`() async throws {
        var looks = 0
        try await eventually {
            looks += 1
            if looks == 1 { throw NotYet() }
            return looks == 3
        }
        #expect(looks == 3)
    }

    @Test func `it gives up, tells the last error, and asks only then for its name`() async throws {
        var looks = 0
        let thrown = await #expect(throws: NeverHeld.self) {
            try await eventually("look \(looks)", within: .milliseconds(20)) {
                looks += 1
                throw NotYet()
            }
        }
        #expect(thrown?.description == "look \(looks) did not hold within 0.02 seconds: NotYet()")
        #expect(looks > 1)
    }

    @Test func `the clock of patience goes on, and never faster than the wall's`() async throws {
        let (wall, fair) = (ContinuousClock.now, FairClock.now)
        try await eventually { FairClock.now > fair + .milliseconds(50) }
        // The nap that was under way at the beginning is counted as a whole.
        #expect(FairClock.now - fair <= ContinuousClock.now - wall + .milliseconds(10))
    }
}

private struct NotYet: Error {}
