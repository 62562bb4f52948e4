/// Virtual time, and the events to come. One seeded source decides everything: the same seed gives the same
/// play, and the hash shows it.
import CouponCore

final class Timeline {
    enum Action {
        case run(() -> Void)
        /// Resumes a fiber if it was not resumed since.
        case resume(Fiber, turn: Int)
    }

    struct Event {
        let time: Int64
        let number: Int
        let action: Action
    }

    /// Microseconds since the play began.
    private(set) var now: Int64 = 0
    private(set) var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    /// Events played so far.
    private(set) var count = 0
    private var heap: [Event] = []
    private var numbers = 0
    private var random: SplitMix64
    /// The lines of the history, if it is recorded.
    private(set) var history: [String] = []
    let isRecording: Bool

    init(seed: UInt64, isRecording: Bool) {
        random = SplitMix64(seed: seed)
        self.isRecording = isRecording
        // Neighbouring seeds must differ.
        random = SplitMix64(seed: random.next() ^ seed)
    }

    // MARK: Chance

    func random(_ range: ClosedRange<Int64>) -> Int64 { Int64.random(in: range, using: &random) }

    func draw(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

    func bits() -> UInt64 { random.next() }

    /// True with this probability per thousand.
    func chance(_ permille: Int) -> Bool { draw(0...999) < permille }

    func pick<Element>(_ elements: [Element]) -> Element? { elements.randomElement(using: &random) }

    /// A random delay in microseconds: mostly less than a millisecond, sometimes much longer.
    func delay() -> Int64 {
        switch draw(0...99) {
        case 0..<80: random(20...800)
        case 80..<96: random(800...6_000)
        case 96..<99: random(6_000...60_000)
        default: random(60_000...700_000)
        }
    }

    // MARK: Events

    func at(_ time: Int64, _ body: @escaping () -> Void) { push(time, .run(body)) }

    func after(_ delay: Int64, _ body: @escaping () -> Void) { push(now + delay, .run(body)) }

    func at(_ time: Int64, resume fiber: Fiber) {
        push(time, .resume(fiber, turn: fiber.turn))
    }

    private func push(_ time: Int64, _ action: Action) {
        numbers += 1
        heap.append(Event(time: max(now, time), number: numbers, action: action))
        var child = heap.count - 1
        while child > 0, isBefore(child, (child - 1) / 2) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    private func isBefore(_ left: Int, _ right: Int) -> Bool {
        (heap[left].time, heap[left].number) < (heap[right].time, heap[right].number)
    }

    /// Drops all events, and the objects that they hold.
    func clear() { heap.removeAll() }

    /// Removes the next event, and moves the time to it.
    func next() -> Event? {
        guard let first = heap.first else { return nil }
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            var parent = 0
            while true {
                var least = parent
                for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
                    if isBefore(child, least) { least = child }
                }
                if least == parent { break }
                heap.swapAt(parent, least)
                parent = least
            }
        }
        now = first.time
        count += 1
        mix(UInt64(bitPattern: now))
        return first
    }

    // MARK: Trace

    func mix(_ value: UInt64) { hash = (hash ^ value) &* 0x100_0000_01b3 }

    /// Adds a line to the history: who did what.
    func note(_ who: @autoclosure () -> String, _ what: @autoclosure () -> String) {
        mix(1)
        if isRecording { append(who(), what()) }
    }

    /// The same, without a change of the hash.
    func append(_ who: String, _ what: String) {
        let whole = String(now / 1_000)
        let rest = String(1_000 + now % 1_000).dropFirst()
        history.append("\(whole).\(rest)  \(who): \(what)")
    }
}
