/// A clock for patience: it stands still while the machine does.
internal import Foundation
internal import Synchronization

/// Counts the naps of a thread, each of ten milliseconds.
///
/// A machine that is overloaded or stands still as a whole wakes that thread late, and all others with it:
/// such time is nobody's fault, and does not pass here. On a quiet machine it runs as every clock does.
public enum FairClock {
    private static let nap = Duration.milliseconds(10)
    private static let naps = Atomic<Int>(0)
    private static let beginning: Void = Thread.detachNewThread {
        while true {
            usleep(10_000)
            naps.add(1, ordering: .relaxed)
        }
    }

    /// The time that has passed since the first look at the clock.
    public static var now: Duration {
        _ = beginning
        return nap * naps.load(ordering: .relaxed)
    }
}
