/// Counts failed handshakes, and logs why.
internal import CouponCore
internal import Logging
internal import Synchronization

final class HandshakeWatch: Sendable {
    private let certificate = Atomic<Int>(0)
    private let closed = Atomic<Int>(0)
    private let `protocol` = Atomic<Int>(0)
    private let timeout = Atomic<Int>(0)
    private let logger: Logger

    init(logger: Logger) { self.logger = logger }

    /// Equal lines are counted by the log, so a flood does not fill it.
    func failed(_ fault: TLSFault, address: String) {
        switch fault.cause {
        case .certificate: certificate.add(1, ordering: .relaxed)
        case .closed: closed.add(1, ordering: .relaxed)
        case .protocol: `protocol`.add(1, ordering: .relaxed)
        case .timeout: timeout.add(1, ordering: .relaxed)
        }
        let metadata: Logger.Metadata = [
            LogKey.address: "\(address)", LogKey.reason: "\(fault.reason)",
        ]
        // A check that only connects ends like this, again and again.
        if fault.cause == .closed {
            logger.debug("a TLS handshake failed", metadata: metadata)
        } else {
            logger.notice("a TLS handshake failed", metadata: metadata)
        }
    }

    /// How many failed, by cause.
    var counts: [(String, Int)] {
        [
            ("certificate", certificate.load(ordering: .relaxed)),
            ("closed", closed.load(ordering: .relaxed)),
            ("protocol", `protocol`.load(ordering: .relaxed)),
            ("timeout", timeout.load(ordering: .relaxed)),
        ]
    }
}
