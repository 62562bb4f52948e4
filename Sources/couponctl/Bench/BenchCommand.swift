internal import ArgumentParser
internal import CouponClient
internal import CouponCore
internal import CouponWire
internal import Glibc
internal import NIOCore

/// A whole sale: how fast it is answered, and whether the answers are what was committed.
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Runs a sale, measures it, and checks its accounts.",
        discussion: """
            Every user asks several times, each time with another request id, in a shuffled order. \
            The loop is closed: it asks as fast as it is answered. With --rate it is open: it asks at a \
            fixed rate. Without --coupon the sale has a coupon of its own, and every answer is compared \
            with the rows afterwards. Exits with 1 if an account does not add up. With --status it asks \
            for the status of each user of a coupon, and exits with 1 if a status cannot be read.
            """)

    @OptionGroup var global: GlobalOptions
    @OptionGroup var options: BenchOptions

    func run() async throws {
        BenchOptions.raiseFileLimit()
        try await global.withClient { client in
            let coupon = try await coupon(client)
            var configuration = options.configuration
            configuration.tls = try global.clientConfiguration().tls
            let fleet = try await Fleet(
                address: client.address, connections: options.connections,
                configuration: configuration)
            defer { fleet.close() }
            if options.status {
                try await askForStatuses(of: coupon, fleet)
            } else {
                try await sell(coupon, client, fleet)
            }
        }
    }

    private func sell(
        _ coupon: CouponID, _ client: CouponClient, _ fleet: Fleet
    ) async throws {
        var report = try await measure(coupon, client, fleet)
        if options.coupon == nil {
            report.checks = try await checks(coupon, report.sale.tally, client, fleet)
        }
        try Output.show(report.json, report.lines, json: global.json)
        if report.isBreach { throw CommandExit.negative.code }
    }

    private func askForStatuses(of coupon: CouponID, _ fleet: Fleet) async throws {
        let questions = StatusQuestions(
            coupon: coupon, users: options.users, asks: options.asks, seed: options.seed)
        let begin = NIODeadline.now()
        let done = try await options.run(questions, fleet)
        let report = StatusReport(
            coupon: coupon, options: options, seconds: (NIODeadline.now() - begin).seconds,
            questions: done)
        try Output.show(report.json, report.lines, json: global.json)
        if report.hasErrors { throw CommandExit.negative.code }
    }

    private func coupon(_ client: CouponClient) async throws -> CouponID {
        if let coupon = options.coupon { return coupon }
        return try await client.createBenchCoupon(total: options.couponTotal)
    }

    /// Runs the sale, until all that was accepted is committed.
    private func measure(
        _ coupon: CouponID, _ client: CouponClient, _ fleet: Fleet
    ) async throws -> BenchReport {
        let sale = Sale(
            coupon: coupon, users: options.users, asks: options.asks,
            waitFor: options.waitIssued ? .issued : .accepted, seed: options.seed)
        let watch = QueueWatch(client, coupon)
        async let _ = watch.run()
        let begin = NIODeadline.now()
        let done = try await options.run(sale, fleet)
        let end = NIODeadline.now()
        return BenchReport(
            coupon: coupon, options: options, seconds: (end - begin).seconds, sale: done,
            drainSeconds: try await watch.seconds(from: done.lastAccepted))
    }

    /// The accounts of the sale. The caches learn of the end a moment after the commit, so they are read a
    /// few times.
    private func checks(
        _ coupon: CouponID, _ tally: AnswerCounts, _ client: CouponClient, _ fleet: Fleet
    ) async throws -> [Check] {
        let confirmed = try await Confirmation.count(
            of: tally.accepted, coupon: coupon, fleet: fleet,
            pace: Pace(pipeline: min(8, options.pipeline), deadline: .seconds(10)), rounds: 5)
        var checks: [Check] = []
        for _ in 0..<20 {
            checks =
                SaleAccounts(
                    total: options.couponTotal, users: Int64(options.users),
                    requests: Int(options.users) * options.asks, tally: tally, confirmed: confirmed,
                    audit: try await client.audit(coupon, deadline: .seconds(10))
                ).checks
            if checks.allSatisfy(\.holds) { break }
            try await Task.sleep(for: .milliseconds(100))
        }
        return checks
    }
}

/// The settings of a sale.
struct BenchOptions: ParsableArguments {
    @Option(help: "An existing coupon; its accounts are not checked.") var coupon: CouponID?
    @Option(help: "The total of the sale's own coupon.") var couponTotal: Int64 = 10_000
    @Option(help: "How many users ask.") var users: Int32 = 30_000
    @Option(help: "How often each user asks.") var asks = 2
    @Option(help: "Connections, on two event loops.") var connections = 50
    @Option(help: "Requests in flight on each connection; with --rate, the most.")
    var pipeline = 64
    @Option(
        help: """
            Requests a second, on a fixed schedule: an open loop, where latency counts from the \
            moment that each request was to be sent.
            """)
    var rate: Double?
    @Flag(help: "Waits for each issue to be committed.") var waitIssued = false
    @Flag(help: "Asks for the status of each user of --coupon, and issues nothing.")
    var status = false
    @Option(help: "How long each request may take.") var deadline = TimeSpan(milliseconds: 30_000)
    @Option(help: "Seed of the order in which users ask.") var seed: UInt64 = 1

    func validate() throws {
        let inFlight = 1...Limits.requestsInFlightPerConnection
        guard users > 0, asks > 0, couponTotal > 0, connections > 0 else {
            throw ValidationError(
                "--users, --asks, --coupon-total and --connections must be positive")
        }
        if let rate, !(rate > 0 && rate <= 1e9) {
            throw ValidationError("--rate must be more than 0, and at most 1000000000")
        }
        if status, coupon == nil || waitIssued {
            throw ValidationError("--status needs --coupon, and cannot have --wait-issued")
        }
        guard inFlight.contains(pipeline) else {
            throw ValidationError(
                "--pipeline must be \(inFlight.lowerBound) to \(inFlight.upperBound)")
        }
    }

    /// Each connection is a file; the soft limit is often 1,024.
    static func raiseFileLimit() {
        var limit = rlimit()
        let name = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard unsafe getrlimit(name, &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        _ = unsafe setrlimit(name, &limit)
    }

    /// The bounds of each connection.
    var configuration: ClientConfiguration {
        var configuration = ClientConfiguration()
        configuration.maximumInFlight = pipeline
        return configuration
    }

    /// Runs a script on all loops, with a bar, and adds up the loops' parts.
    func run<S: MergeableScript>(_ script: S, _ fleet: Fleet) async throws -> S {
        let progress = Progress("asks", total: script.count)
        async let _ = progress.show()
        let pace = Pace(
            pipeline: pipeline, deadline: .milliseconds(deadline.milliseconds), rate: rate)
        let parts = try await fleet.run(script, pace: pace, progress: progress)
        return parts.dropFirst().reduce(into: parts[0]) { $0.merge($1) }
    }
}

extension CouponClient {
    /// A coupon with a random free id, open from a second ago by the daemon's clock.
    func createBenchCoupon(total: Int64) async throws -> CouponID {
        let now = try await serverInfo().now
        let window = Window(
            opens: now.advanced(byMilliseconds: -1000),
            closes: now.advanced(byMilliseconds: 3_600_000))
        while true {
            let id = CouponID(.random(in: 1...(1 << 40)))
            let coupon = Coupon(id: id, title: "bench", total: total, window: window)
            do throws(ClientError) {
                return try await create(coupon).id
            } catch {
                // The id exists already: try another one.
                guard case .refused(let failure) = error, failure.code == .alreadyExists
                else { throw error }
            }
        }
    }
}

extension TimeAmount {
    /// In seconds.
    var seconds: Double { Double(nanoseconds) / 1e9 }
}
