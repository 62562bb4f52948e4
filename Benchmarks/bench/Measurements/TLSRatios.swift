/// What TLS for callers costs: the same load on two daemons with one event loop each, one of them with TLS.

func measureTLS(_ stage: Stage) async throws -> [Figure] {
    let (plain, encrypted) = try await stage.daemonPair()
    let coupon = try sellOut(stage, plain)
    var bounces: (plain: [Double], encrypted: [Double]) = ([], [])
    var accepts: (plain: [Double], encrypted: [Double]) = ([], [])
    for _ in 0..<Stage.repeats {
        bounces.plain.append(try rate(stage, plain, coupon, 500_000, 16, OutcomeCode.soldOut))
        bounces.encrypted.append(
            try rate(stage, encrypted, coupon, 500_000, 16, OutcomeCode.soldOut))
        for daemon in [plain, encrypted] {
            let open = try stage.makeLoadedCoupons(daemon)
            try stage.waitForIssues(open, 1)
            let lock = try PartitionLock(stage, of: open)
            let accepted = try rate(stage, daemon, open, 100_000, 64, OutcomeCode.accepted)
            if daemon === plain {
                accepts.plain.append(accepted)
            } else {
                accepts.encrypted.append(accepted)
            }
            try lock.release()
            try stage.waitForIssues(open, 100_001)
        }
    }
    try await plain.stop()
    try await encrypted.stop()
    return [
        .ratio("tls_bounce_ratio", bounces.encrypted, to: bounces.plain, unit: "1/s"),
        .ratio("tls_accept_ratio", accepts.encrypted, to: accepts.plain, unit: "1/s"),
    ]
}

private func rate(
    _ stage: Stage, _ daemon: Daemon, _ coupon: Range<Int>, _ requests: Int, _ pipeline: Int,
    _ code: Int
) throws -> Double {
    try stage.generator(daemon, coupon, users: requests, capacity: pipeline)
        .closedLoop(questions: requests, pipeline: pipeline).checked(code).rate
}
