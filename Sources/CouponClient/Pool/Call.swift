internal import CouponDomain
internal import CouponWire
internal import NIOCore

/// One call of a client: it waits for a connection, then for its answer. It ends once, with a result.
///
/// Confined to the client's event loop.
final class Call {
    typealias WhenEnded = (Result<Response.Result, ClientError>) -> Void

    private enum Phase {
        case waiting
        case sent(ClientConnection, UInt64)
        case ended
    }

    let method: Request.Method
    let trace: TraceContext?
    /// How long the daemon may take; nil is the configuration's.
    let deadline: TimeAmount?
    /// When the call must end, its wait for a connection included; nil if only the deadline counts.
    let limit: NIODeadline?
    /// How often it was moved to another connection.
    private(set) var moves = 0
    private var phase = Phase.waiting
    private var whenEnded: WhenEnded?

    init(
        _ method: Request.Method, trace: TraceContext?, deadline: TimeAmount?, limit: NIODeadline?
    ) {
        self.method = method
        self.trace = trace
        self.deadline = deadline
        self.limit = limit
    }

    var isEnded: Bool { if case .ended = phase { true } else { false } }

    /// Sets what to do at the end; does it at once if the call has ended.
    func begin(_ whenEnded: @escaping WhenEnded) {
        guard !isEnded else { return whenEnded(.failure(.cancelled(wasSent: false))) }
        self.whenEnded = whenEnded
    }

    /// The deadline that the daemon gets if the call is sent now.
    func remaining(now: NIODeadline, default most: TimeAmount) -> TimeAmount {
        let deadline = deadline ?? most
        return limit.map { min(deadline, $0 - now) } ?? deadline
    }

    func sent(on connection: ClientConnection, as number: UInt64) {
        if case .waiting = phase { phase = .sent(connection, number) }
    }

    /// The daemon has not read the call: it waits for another connection.
    func move() {
        moves += 1
        phase = .waiting
    }

    func end(_ result: Result<Response.Result, ClientError>) {
        guard !isEnded else { return }
        phase = .ended
        let ended = whenEnded
        whenEnded = nil
        ended?(result)
    }

    /// The caller does not want the answer any more. The call no longer counts as unanswered on its
    /// connection.
    func cancel() {
        if case .sent(let connection, let number) = phase {
            connection.cancel(number)
        } else {
            end(.failure(.cancelled(wasSent: false)))
        }
    }
}
