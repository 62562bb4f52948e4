import TestSupport
import Testing

@Suite struct EventuallyTests {
    @Test func `a wait checks until the condition holds, and an error means not yet`() async throws
    {
        var checks = 0
        try await eventually {
            checks += 1
            if checks == 1 { throw NotYet() }
            return checks == 3
        }
        #expect(checks == 3)
    }

    @Test func `a wait that gives up reports its last error and evaluates its name only then`()
        async throws
    {
        var checks = 0
        let thrown = await #expect(throws: NeverHeld.self) {
            try await eventually("check \(checks)", within: .milliseconds(20)) {
                checks += 1
                throw NotYet()
            }
        }
        #expect(thrown?.description == "check \(checks) did not hold within 0.02 seconds: NotYet()")
        #expect(checks > 1)
    }

    @Test func `FairClock advances, and never faster than the wall clock`() async throws {
        let (wall, fair) = (ContinuousClock.now, FairClock.now)
        try await eventually { FairClock.now > fair + .milliseconds(50) }
        // The sleep that had begun before is counted as a whole.
        #expect(FairClock.now - fair <= ContinuousClock.now - wall + .milliseconds(10))
    }
}

private struct NotYet: Error {}
