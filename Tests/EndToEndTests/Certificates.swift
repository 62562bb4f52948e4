/// A CA and certificates of it, made by openssl in a test's folder.
import CouponClient
import CouponCore
import TestSupport
import TestWorld
import Testing

struct Certificates {
    /// A certificate and its key, as paths.
    struct Pair {
        let certificate: String
        let key: String
    }

    private let folder: TemporaryFolder
    private let name: String

    /// - Parameter name: of the CA.
    init(_ name: String = "ca", in folder: TemporaryFolder) async throws {
        self.folder = folder
        self.name = name
        try await openssl(
            "req -x509 \(Self.newKey) -days 30 -subj /CN=\(name) -keyout \(name).key -out \(name).pem"
        )
    }

    private static let newKey = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"

    /// The CA's certificate.
    var authority: String { folder.file(name + ".pem") }

    /// - Parameters:
    ///   - names: whom it is for.
    ///   - days: how long it is valid; negative for one that has expired.
    func make(
        _ leaf: String, names: String = "DNS:localhost,IP:127.0.0.1", days: Int = 30
    ) async throws -> Pair {
        try await openssl(
            "req \(Self.newKey) -subj /CN=\(leaf) -addext subjectAltName=\(names) "
                + "-keyout \(leaf).key -out \(leaf).csr")
        try await openssl(
            "x509 -req -in \(leaf).csr -CA \(name).pem -CAkey \(name).key -CAcreateserial "
                + "-copy_extensions copy -days \(days) -out \(leaf).pem")
        return Pair(
            certificate: folder.file(leaf + ".pem"), key: folder.file(leaf + ".key"))
    }

    /// A certificate that ends so many seconds from now.
    func make(_ leaf: String, names: String, endingIn seconds: Double) async throws -> Pair {
        _ = try folder.write("", to: "index.txt")
        _ = try folder.write("1000\n", to: "serial")
        _ = try folder.write(
            """
            [ca]
            default_ca = authority
            [authority]
            database = index.txt
            serial = serial
            new_certs_dir = .
            certificate = \(name).pem
            private_key = \(name).key
            default_md = sha256
            policy = any
            copy_extensions = copy
            [any]
            commonName = supplied

            """, to: "ca.conf")
        try await openssl(
            "req \(Self.newKey) -subj /CN=\(leaf) -addext subjectAltName=\(names) "
                + "-keyout \(leaf).key -out \(leaf).csr")
        let end = Timestamp.now(plus: seconds).rfc3339.prefix(19).filter(\.isNumber)
        try await openssl(
            "ca -batch -config ca.conf -in \(leaf).csr -out \(leaf).pem -enddate \(end)Z")
        return Pair(
            certificate: folder.file(leaf + ".pem"), key: folder.file(leaf + ".key"))
    }

    private func openssl(_ arguments: String) async throws {
        let run = try await CommandRun(
            "/bin/sh", ["-c", "cd \(folder.path) && exec openssl \(arguments)"])
        try #require(run.end == .code(0), "openssl \(arguments): \(run.text)")
    }

    /// A client that trusts this CA.
    /// - Parameter own: the client's certificate.
    func client(showing own: Pair? = nil) -> ClientTLS {
        var tls = ClientTLS()
        tls.trustRootsFile = authority
        tls.certificateFile = own?.certificate
        tls.keyFile = own?.key
        return tls
    }
}

extension Certificates.Pair {
    /// The flags of a daemon with this certificate.
    var flags: [String] { ["--tls-certificate", certificate, "--tls-key", key] }
}
