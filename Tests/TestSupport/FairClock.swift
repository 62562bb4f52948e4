/// A clock for timeouts that does not advance while the machine is stalled.
internal import Foundation
internal import Synchronization

/// Counts the sleeps of a thread, each of ten milliseconds.
///
/// A machine that is overloaded or stalled wakes that thread late, like all others: such time does not count.
/// On a quiet machine the clock runs like any other.
public enum FairClock {
    private static let interval = Duration.milliseconds(10)
    private static let sleeps = Atomic<Int>(0)
    private static let beginning: Void = Thread.detachNewThread {
        while true {
            usleep(10_000)
            sleeps.add(1, ordering: .relaxed)
        }
    }

    /// The time since the clock was first read.
    public static var now: Duration {
        _ = beginning
        return interval * sleeps.load(ordering: .relaxed)
    }
}
