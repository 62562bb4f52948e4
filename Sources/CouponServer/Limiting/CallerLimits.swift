/// The limits of callers that an operator may change, and what all event loops share to keep them.
internal import CouponCore
internal import Synchronization

/// Settings; the defaults are those of the daemon.
public struct CallerLimits: Sendable {
    /// Connections of one address.
    public enum PerAddress: Equatable, Sendable {
        /// A quarter of all connections for an address beyond this machine, no limit for loopback.
        case automatic
        /// No limit.
        case off
        /// The same limit for every address.
        case number(Int)
    }

    /// Connections at once, over all event loops.
    public var connections = Limits.connections
    /// A connection is closed after so many seconds without a request.
    public var idleSeconds = 600
    /// Connections of one IPv4 address, or of one /64 of IPv6.
    public var perAddress = PerAddress.automatic
    /// Requests of one user each second; nil for no limit.
    public var requestsPerUser: Int?
    /// Requests in flight, over all event loops.
    public var requestsInFlight = Limits.requestsInFlight
    /// Bytes that all connections hold: received and not handled, or not sent.
    public var bufferBytes = Limits.bufferBytes

    /// The defaults.
    public init() {}

    /// The limit of an address; nil if there is none.
    func connections(ofLoopback isLoopback: Bool) -> Int? {
        switch perAddress {
        case .automatic: isLoopback ? nil : max(1, connections / 4)
        case .off: nil
        case .number(let number): number
        }
    }

    /// How many TLS handshakes an address may have in progress; nil if there is no limit. Each holds a place
    /// for two seconds at most, and costs a signature. A service that connects all at once stays below it.
    func handshakes(ofLoopback isLoopback: Bool) -> Int? {
        connections(ofLoopback: isLoopback).map { max(Limits.handshakesOfAddress, $0 / 4) }
    }
}

/// What all event loops count together.
final class SharedLimits: Sendable {
    let addresses = AddressCounts()
    /// TLS handshakes in progress of each address.
    let handshakes = AddressCounts()
    let principals = PrincipalLimits()
    let debts = Debts()
    /// Connections for HTTP of each address.
    let observers = AddressCounts()
    /// The table of rates that an event loop last asked for.
    private let users = Mutex<UserRates?>(nil)
    private let connections: Atomic<Int>
    /// Requests in flight, as of each event loop's last turn.
    let requestsInFlight = Atomic<Int>(0)

    init(_ limits: CallerLimits) {
        connections = Atomic(limits.connections)
    }

    /// Connections at once, over all event loops.
    var maximumConnections: Int {
        get { connections.load(ordering: .relaxed) }
        set { connections.store(newValue, ordering: .relaxed) }
    }

    /// The rates of users: the same for all event loops. Nil if users have no limit.
    func userRates(_ limits: CallerLimits) -> UserRates? {
        users.withLock { users in
            let rate = limits.requestsPerUser.map { Rate(perSecond: $0) }
            if users?.rate != rate { users = rate.map { UserRates($0) } }
            return users
        }
    }
}
