/// The Swift client beside the raw load generator.
internal import CouponClient

private let requests = 100_000
private let callers = 50

/// Accepted requests a second: 50 tasks that call the client's async API, and the generator with 50
/// connections and pipeline 1. Each run has a coupon of its own.
func measureClient(_ stage: Stage) async throws -> [Figure] {
    try await stage.withDaemon(eventLoops: 1) { daemon in
        var clients: [Double] = []
        var generators: [Double] = []
        for _ in 0..<Stage.repeats {
            let coupon = try stage.makeLoadedCoupons(daemon)
            generators.append(
                try stage.generator(daemon, coupon, users: requests)
                    .closedLoop(questions: requests, pipeline: 1)
                    .checked(OutcomeCode.accepted).rate)
            try stage.waitForIssues(coupon, requests + 1)
            let other = try stage.makeLoadedCoupons(daemon)
            clients.append(
                try await clientRate(
                    daemon, other.lowerBound, firstUser: stage.reserveUsers(requests)))
            try stage.waitForIssues(other, requests + 1)
        }
        return [.ratio("client_vs_generator", clients, to: generators, unit: "1/s")]
    }
}

private func clientRate(_ daemon: Daemon, _ coupon: Int, firstUser: Int) async throws -> Double {
    let client = CouponClient(address: ServerAddress(host: "127.0.0.1", port: daemon.port))
    _ = try await client.health()
    let begin = nanoseconds()
    try await withThrowingTaskGroup(of: Void.self) { tasks in
        for caller in 0..<callers {
            tasks.addTask {
                for user in stride(
                    from: firstUser + caller, to: firstUser + requests, by: callers)
                {
                    let outcome = try await client.issue(
                        CouponID(Int64(coupon)), to: UserID(Int64(user)), waitFor: .accepted)
                    guard case .accepted = outcome else {
                        throw BenchmarkError("the client got \(outcome)")
                    }
                }
            }
        }
        try await tasks.waitForAll()
    }
    let seconds = Double(nanoseconds() - begin) / 1e9
    await client.close()
    return Double(requests) / seconds
}
