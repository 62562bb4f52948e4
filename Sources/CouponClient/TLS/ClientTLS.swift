/// How a client uses TLS 1.2 or later. It always checks that the daemon's certificate is of a trusted CA, is
/// valid now, and is for the address that the client connects to.
///
/// The files are in PEM form, and are read again for each connection, so a renewed certificate needs no new
/// client. Unix sockets have no TLS: with such an address this is not used.
public struct ClientTLS: Hashable, Sendable {
    /// A file with the CA of the daemon's certificate; nil for the CAs that the system trusts.
    public var trustRootsFile: String?
    /// A file with the client's own certificate, for a daemon that asks for one.
    public var certificateFile: String?
    /// A file with the key of that certificate.
    public var keyFile: String?
    /// The name that the daemon's certificate must have; nil for the host of the address.
    public var serverName: String?

    /// Trusts the system's CAs, and has no certificate.
    public init() {}
}
