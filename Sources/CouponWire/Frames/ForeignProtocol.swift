/// Another protocol that reached this port by mistake. Its first four bytes, read as a length, are far above
/// every limit.
enum ForeignProtocol {
    case http
    case tls
    case proxy
    case redis

    /// - Parameter prefix: the first four bytes of a connection, the first one in the highest bits.
    init?(prefix: UInt32) {
        switch prefix {
        case Self.word("GET "), Self.word("HEAD"), Self.word("POST"), Self.word("PRI "):
            self = .http
        case Self.word("PROX"), 0x0D0A_0D0A: self = .proxy
        // RESP begins with an array and its count.
        case _ where prefix >> 24 == 0x2A: self = .redis
        // A handshake record of TLS 1.0 to 1.3 (RFC 8446, section 5.1).
        case _ where prefix >> 16 == 0x1603: self = .tls
        default: return nil
        }
    }

    /// Continues an error text.
    var hint: String {
        switch self {
        case .http: ". This looks like HTTP, which the port of metrics-listen speaks"
        case .tls: ". This looks like TLS, which this port does not speak: see tls-certificate"
        case .proxy: ". This looks like a PROXY header: see proxies, which must list the sender"
        case .redis: ". This looks like Redis' protocol"
        }
    }

    private static func word(_ text: StaticString) -> UInt32 {
        unsafe UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
            .reduce(0) { $0 << 8 | UInt32($1) }
    }
}
