/// Runs blocking code within a play. Schedulers and lanes call their ports and wait, so each has a thread of
/// its own. Exactly one thread runs at a time: the one that has the baton. Any of them may run the events of
/// the timeline, so the baton moves only when it is another fiber's turn.
import Glibc

/// A thread that runs one job after the other. Threads are reused, because making one costs more than a play.
@safe final class PlayThread: @unchecked Sendable {  // only the baton's holder touches it
    private let signal: UnsafeMutablePointer<sem_t>
    fileprivate var job: (() -> Void)?

    init() {
        unsafe signal = .allocate(capacity: 1)
        unsafe sem_init(signal, 0, 0)
    }

    deinit {
        unsafe sem_destroy(signal)
        unsafe signal.deallocate()
    }

    fileprivate func start() {
        var thread = pthread_t()
        let box = unsafe Unmanaged.passRetained(self).toOpaque()
        let error = unsafe pthread_create(
            &thread, nil,
            { box in
                guard let box = unsafe box else { return nil }
                unsafe Unmanaged<PlayThread>.fromOpaque(box).takeUnretainedValue().work()
                return nil
            }, box)
        precondition(error == 0, "no thread could be started")
    }

    private func work() {
        while true {
            wait()
            let job = self.job
            self.job = nil
            job?()
        }
    }

    fileprivate func post() { unsafe sem_post(signal) }

    fileprivate func wait() { while unsafe sem_wait(signal) != 0 {} }
}

/// One blocking actor of a play.
final class Fiber {
    let name: String
    /// The daemon to which it belongs, for stalls; nil for the play's own fibers.
    let daemon: Daemon?
    /// Its code must end without any further effect.
    fileprivate(set) var isDead = false
    /// Counts resumptions, so that a late wake-up does nothing.
    fileprivate(set) var turn = 0
    fileprivate var isDone = false
    fileprivate var thread: PlayThread?
    /// The thread that waits for its end.
    fileprivate var heir: PlayThread?

    init(_ name: String, of daemon: Daemon?) {
        self.name = name
        self.daemon = daemon
    }
}

/// The baton, and the loop that passes it on.
final class Baton {
    private let line: Timeline
    private nonisolated(unsafe) static var idle: [PlayThread] = []
    /// The fiber whose thread runs now; nil for the director's thread, or one whose job is done.
    private var holder: Fiber?
    /// The play's own thread, while it waits in `run`.
    private var director: PlayThread?
    private var isOver = false

    init(_ line: Timeline) { self.line = line }

    /// Starts a fiber. It runs from the next event on.
    func start(_ fiber: Fiber, _ body: @escaping () -> Void) {
        let thread =
            unsafe Self.idle.popLast()
            ?? {
                let thread = PlayThread()
                thread.start()
                return thread
            }()
        fiber.thread = thread
        thread.job = { [self] in
            holder = fiber
            if !fiber.isDead { body() }
            fiber.isDone = true
            fiber.thread = nil
            unsafe Self.idle.append(thread)
            if let heir = fiber.heir { return heir.post() }
            play(as: nil)
        }
        line.at(line.now, resume: fiber)
    }

    /// Plays on the calling thread until the timeline is empty, or `end` is called.
    func run() {
        let own = PlayThread()
        director = own
        isOver = false
        play(as: nil, director: own)
        director = nil
    }

    /// Plays no more events.
    func end() { isOver = true }

    /// Makes the calling fiber wait until it is resumed.
    func park(_ fiber: Fiber) {
        if !fiber.isDead { play(as: fiber) }
    }

    /// Ends a fiber where it is: no call of a port returns to it.
    func kill(_ fiber: Fiber) {
        guard !fiber.isDead, !fiber.isDone else { return }
        fiber.isDead = true
        // A fiber that kills itself ends when its code returns.
        guard fiber !== holder, let thread = fiber.thread else { return }
        let own = PlayThread()
        fiber.heir = own
        let before = holder
        thread.post()
        own.wait()
        holder = before
    }

    /// Plays events until it is `fiber`'s turn again. The baton may go to other fibers until then.
    private func play(as fiber: Fiber?, director own: PlayThread? = nil) {
        holder = fiber
        while !isOver, let event = line.next() {
            switch event.action {
            case .run(let body):
                body()
                if let fiber, fiber.isDead { return }
            case .resume(let other, let turn):
                guard !other.isDead, !other.isDone, other.turn == turn else { continue }
                if let daemon = other.daemon, daemon.stalledUntil > line.now {
                    line.at(daemon.stalledUntil, resume: other)
                    continue
                }
                other.turn += 1
                if other === fiber { return }
                return hand(to: other.thread, from: own ?? fiber?.thread, of: fiber)
            }
        }
        if own != nil { return }
        // The play is over: the director continues, and this thread waits until it is ended.
        hand(to: director, from: fiber?.thread, of: fiber)
    }

    /// Passes the baton to another thread, and waits until it comes back. A thread whose job is done does not
    /// wait.
    private func hand(to other: PlayThread?, from own: PlayThread?, of fiber: Fiber?) {
        other?.post()
        guard let own else { return }
        own.wait()
        holder = fiber
    }
}
