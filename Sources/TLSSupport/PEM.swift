/// Certificates and keys in PEM form, as files have them.
package import NIOSSL

/// Reads PEM.
package enum PEM {
    /// All certificates, in their order; nil if there is none.
    package static func certificates(_ bytes: [UInt8]) -> [NIOSSLCertificate]? {
        guard let found = try? NIOSSLCertificate.fromPEMBytes(bytes), !found.isEmpty else {
            return nil
        }
        return found
    }

    /// The private key; nil if there is none, or if it needs a passphrase.
    package static func key(_ bytes: [UInt8]) -> NIOSSLPrivateKey? {
        try? NIOSSLPrivateKey(bytes: bytes, format: .pem)
    }
}
