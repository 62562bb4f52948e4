/// Certificates for Redis and PostgreSQL under test, made by the `openssl` command.
internal import Foundation

/// Two authorities and what they have signed, in a folder of their own.
public final class BackendCertificates: Sendable {
    /// A certificate with its key.
    public struct Pair: Sendable {
        /// The path of the certificate.
        public let certificate: String
        /// The path of its key.
        public let key: String
    }

    private let folder: TemporaryFolder

    /// The authority that tests trust.
    public var authority: String { folder.file("authority.pem") }
    /// Another authority.
    public var stranger: String { folder.file("stranger.pem") }
    /// A server at `localhost` and 127.0.0.1.
    public var server: Pair { pair("server") }
    /// The same, which has expired.
    public var expired: Pair { pair("expired") }
    /// A server at `elsewhere`.
    public var elsewhere: Pair { pair("elsewhere") }
    /// A client, signed by the authority.
    public var client: Pair { pair("client") }
    /// A client, signed by the other one.
    public var foreignClient: Pair { pair("foreign") }

    /// - Throws: ``ServerProcessError`` if openssl fails.
    public init() async throws {
        folder = try TemporaryFolder()
        let script = """
            set -e
            new="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
            authority() {
                openssl req -x509 $new -days 2 -subj "/CN=$1" -keyout "$1.key" -out "$1.pem"
            }
            certificate() {
                printf 'subjectAltName=%s' "$3" >"$1.ext"
                openssl req $new -subj "/CN=$1" -keyout "$1.key" -out "$1.csr"
                openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -CAcreateserial \\
                    -days "$4" -extfile "$1.ext" -out "$1.pem"
            }
            authority authority
            authority stranger
            certificate server authority DNS:localhost,IP:127.0.0.1 2
            certificate expired authority DNS:localhost,IP:127.0.0.1 -1
            certificate elsewhere authority DNS:elsewhere 2
            certificate client authority DNS:coupond 2
            certificate foreign stranger DNS:coupond 2
            """
        let openssl = try ServerProcess("bash", arguments: ["-c", script], in: folder.path)
        guard try await openssl.waitForEnd() == .code(0) else {
            throw ServerProcessError(description: "openssl: \(openssl.logTail())")
        }
    }

    /// A copy of the server's certificate and key that belongs to a user; nil is the test's own.
    public func copyOfServer(owner: String?) throws -> Pair {
        let home = try folder.makeFolder("server-of-\(owner ?? "test")", owner: owner)
        var attributes: [FileAttributeKey: Any] = [.posixPermissions: 0o600]
        if let owner { attributes[.ownerAccountName] = owner }
        for (from, name) in [(server.certificate, "pem"), (server.key, "key")] {
            let path = "\(home)/server.\(name)"
            try FileManager.default.copyItem(atPath: from, toPath: path)
            try FileManager.default.setAttributes(attributes, ofItemAtPath: path)
        }
        return Pair(certificate: home + "/server.pem", key: home + "/server.key")
    }

    private func pair(_ name: String) -> Pair {
        Pair(certificate: folder.file(name + ".pem"), key: folder.file(name + ".key"))
    }
}
