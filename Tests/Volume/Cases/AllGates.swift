/// Redis loses the gates of all partitions at once, and keeps their queues.
internal import CouponCore
internal import Foundation
internal import TestSupport
internal import TestWorld

extension Case {
    /// Each partition has a coupon with many holders, and many queued entries.
    static let allGates = Case(
        "all-gates", daemons: [1, 3], isOfSeveral: true,
        goals: [
            .seconds("first_open", atMost: 10), .seconds("open", atMost: 60),
            .seconds("issued", atMost: 150), .time("most_by_one", .atMost(8), "gates"),
            .count("all_issued", .atLeast(1), "of all"), .count("out_of_order", .atMost(0)),
            .count("spent", .atMost(16), "epochs"), .count("memory", .atMost(512), "MiB"),
            .sessionsLost,
        ]
    ) { scene, figures in
        let (rows, queued) = (scene.size(200_000), scene.size(100_000))
        try await scene.install()
        try await scene.makeCoupons(Coupons.large)
        try await scene.makeRows(
            rows,
            of: "id >= \(Coupons.large[0].rawValue) AND id < \(Coupons.large[0].rawValue + 16)")
        for (partition, coupon) in Coupons.large.enumerated() {
            try await scene.fillQueue(
                QueueEntries(
                    partition: partition, coupon: coupon, count: queued,
                    firstUser: Int64(rows + 1), firstSequence: Int64(rows + 1)))
        }
        let epochs = try await scene.allEpochs()
        let watch = Stopwatch()
        try scene.startDaemons()
        try await scene.wait(for: "the first gate is open", atMost: 60, every: 20) {
            scene.logged("gate rebuilt") > 0
        }
        figures["first_open"] = watch.seconds
        try await scene.wait(for: "every gate is open", atMost: 180, every: 50) {
            for daemon in scene.daemons {
                for coupon in [Coupons.beside] + Coupons.elsewhere {
                    guard try await daemon.accepts(coupon) else { return false }
                }
            }
            return true
        }
        figures["open"] = watch.seconds
        let most = scene.daemons.map { $0.logLines { $0.contains("gate rebuilt") }.count }.max()
        figures["most_by_one"] = scene.daemonCount == 1 ? 0 : Double(most ?? 0)
        let all = (rows + queued) * Coupons.large.count
        defer { figures["memory"] = scene.daemons.compactMap(\.mostMemory).max() }
        try await scene.wait(for: "all are issued", atMost: 300) {
            let issued = try await scene.issued(Coupons.large)
            figures["all_issued"] = Double(issued) / Double(all)
            return issued >= all
        }
        figures["issued"] = watch.seconds
        figures["out_of_order"] = Double(try await scene.issuedOutOfOrder(behind: rows))
        figures["spent"] = Double(try await scene.allEpochs() - epochs)
    }
}

extension Scene {
    fileprivate func allEpochs() async throws -> Int64 {
        try await number("SELECT sum(epoch)::bigint FROM coupond.partition")
    }

    /// How many issues of a coupon were committed earlier than the issue with the sequence before.
    fileprivate func issuedOutOfOrder(behind sequence: Int) async throws -> Int64 {
        try await number(
            """
            SELECT count(*) FROM (
                SELECT issued_at < lag(issued_at) OVER (PARTITION BY coupon_id ORDER BY sequence)
                    AS is_early
                FROM coupond.coupon_issue
                WHERE sequence > \(sequence) AND coupon_id >= \(Coupons.large[0].rawValue)
            ) AS issues WHERE is_early
            """)
    }
}

extension Coupond {
    /// The most memory that it has used, in MiB.
    fileprivate var mostMemory: Double? {
        let path = "/proc/\(process.pid)/status"
        let status = try? String(contentsOfFile: path, encoding: .utf8)
        let kilobytes = status?.firstMatch(of: /VmHWM:\s+(\d+)/).flatMap { Double($0.1) }
        return kilobytes.map { $0 / 1_024 }
    }
}
