/// What operators see of the scheduler's work.
import CouponCore
import CoreTestKit
import Logging
import Synchronization
import Testing

@testable import CouponScheduler

@Suite struct ProgressTests {
    private let plant = Plant()

    /// What a scheduler has reported.
    private final class Reports: Sendable {
        let queues = Mutex<[QueueState]>([])
        let rebuilds = Mutex<[[PartitionID: Double]]>([])
    }

    private func daemon(_ reports: Reports) -> TestDaemon {
        plant.daemon {
            $0.reportQueue = { _, queue in reports.queues.withLock { $0.append(queue) } }
            $0.reportRebuilds = { shares in reports.rebuilds.withLock { $0.append(shares) } }
        }
    }

    @Test func `the queue and its oldest request are reported, and when it is empty again`() {
        let reports = Reports()
        let daemon = daemon(reports)
        plant.run(daemon) { plant.isOpen() }
        plant.offer()
        let accepted = plant.clock.wallNow
        plant.accept(70)
        plant.run(daemon) {
            plant.queue().isEmpty && reports.queues.withLock { $0.last?.entries } == 0
        }
        let queues = reports.queues.withLock { $0 }
        let longest = queues.map(\.entries).max()
        #expect(longest == 70)
        #expect(queues.first { $0.entries == 70 }?.oldest == accepted)
        #expect(queues.last == QueueState(entries: 0, oldest: nil))
    }

    @Test func `a rebuild is reported with the share that is done, and its end`() {
        let reports = Reports()
        let daemon = daemon(reports)
        plant.run(daemon) { plant.isOpen() }
        for id in 1...40 { plant.offer(Int64(id), holders: 2) }
        for id in 1...40 { plant.accept(of: Int64(id)) }
        plant.loseGate()
        reports.rebuilds.withLock { $0 = [] }
        plant.run(daemon) {
            plant.isOpen() && reports.rebuilds.withLock { $0.last?.isEmpty } == true
        }
        let shares = reports.rebuilds.withLock { $0 }.compactMap { $0[PartitionID(0)] }
        #expect(shares.count > 3)
        #expect(shares == shares.sorted(), "it only grows")
        #expect(shares.allSatisfy { (0...1).contains($0) })
    }
}
