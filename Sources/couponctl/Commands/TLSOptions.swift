internal import ArgumentParser
internal import CouponClient

/// The options of every command that say how it uses TLS.
struct TLSOptions: ParsableArguments {
    @Flag(help: "Use TLS, and trust the system's CAs. COUPONCTL_TLS=true does the same.")
    var tls = false

    @Option(
        help: ArgumentHelp(
            "Use TLS, and trust only the CAs in this PEM file. Else COUPONCTL_TLS_CA.",
            valueName: "path"))
    var tlsCA: String?

    @Option(
        help: ArgumentHelp(
            "Use TLS, and show this certificate (PEM). Else COUPONCTL_TLS_CERTIFICATE.",
            valueName: "path"))
    var tlsCertificate: String?

    @Option(
        help: ArgumentHelp(
            "The key of that certificate (PEM). Else COUPONCTL_TLS_KEY.", valueName: "path"))
    var tlsKey: String?

    @Option(
        help: ArgumentHelp(
            "Use TLS; coupond's certificate must have this name, not that of the address. Else "
                + "COUPONCTL_TLS_SERVER_NAME.",
            valueName: "name"))
    var tlsServerName: String?

    /// Nil if neither an option nor a variable asks for TLS.
    /// - Parameter environment: the process's.
    func clientTLS(_ environment: [String: String]) throws -> ClientTLS? {
        var configuration = ClientTLS()
        configuration.trustRootsFile = tlsCA ?? environment["COUPONCTL_TLS_CA"]
        configuration.certificateFile = tlsCertificate ?? environment["COUPONCTL_TLS_CERTIFICATE"]
        configuration.keyFile = tlsKey ?? environment["COUPONCTL_TLS_KEY"]
        configuration.serverName = tlsServerName ?? environment["COUPONCTL_TLS_SERVER_NAME"]
        guard (configuration.certificateFile == nil) == (configuration.keyFile == nil) else {
            throw ValidationError("--tls-certificate and --tls-key need each other")
        }
        let isAsked = tls || environment["COUPONCTL_TLS"] == "true" || configuration != ClientTLS()
        return isAsked ? configuration : nil
    }
}
