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
    func connections(ofLoopback isLoopback: Bool, of all: Int) -> Int? {
        switch perAddress {
        case .automatic: isLoopback ? nil : max(1, all / 4)
        case .off: nil
        case .number(let number): number
        }
    }
}

/// What all event loops count together.
final class SharedLimits: Sendable {
    let addresses = AddressCounts()
    let principals = PrincipalLimits()
    let debts = Debts()
    /// Connections for HTTP of each address.
    let observers = AddressCounts()
    /// Nil if users have no limit.
    let users: UserRates?
    /// Requests in flight, as of each event loop's last turn.
    let requestsInFlight = Atomic<Int>(0)

    init(_ limits: CallerLimits) {
        users = limits.requestsPerUser.map { UserRates(Rate(perSecond: $0)) }
    }
}
