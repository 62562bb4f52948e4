internal import ArgumentParser
internal import CouponClient
internal import CouponCore
internal import FoundationEssentials
internal import NIOCore

/// The options of every command, before or after its name.
struct GlobalOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Where coupond listens, HOST:PORT. Else COUPONCTL_ADDRESS, else 127.0.0.1:7070.",
            valueName: "host:port"))
    var address: String?

    @Option(help: ArgumentHelp("A file that holds the admin token.", valueName: "path"))
    var tokenFile: String?

    @Flag(help: "Print JSON: one document, or one line for each coupon.")
    var json = false

    /// The address to use.
    /// - Throws: A usage error if the text is not an address.
    func serverAddress() throws -> ServerAddress {
        let environment = ProcessInfo.processInfo.environment["COUPONCTL_ADDRESS"]
        let text = address ?? environment ?? "127.0.0.1:7070"
        guard let parsed = ServerAddress(text) else {
            throw ValidationError(
                "'\(text)' is not an address: write HOST:PORT, or [HOST]:PORT for IPv6")
        }
        return parsed
    }

    /// Bounds of the connections, with the token if one is given.
    /// - Throws: A usage error if the token file cannot be read.
    func clientConfiguration() throws -> ClientConfiguration {
        var configuration = ClientConfiguration()
        // A change waits for locks. A timeout would only say that it may still complete.
        configuration.deadline = .seconds(10)
        guard let tokenFile else { return configuration }
        guard let data = FileManager.default.contents(atPath: tokenFile) else {
            throw ValidationError("--token-file: cannot read \(tokenFile)")
        }
        // Editors end a file with a newline, which is not part of the token.
        var token = Array(data)
        while let last = token.last, last == 0x0A || last == 0x0D { token.removeLast() }
        configuration.token = token
        return configuration
    }

    /// Runs a command's work with a client, and turns what goes wrong into a message and an exit
    /// code.
    func withClient(_ work: (CouponClient) async throws -> Void) async throws {
        let client = CouponClient(
            address: try serverAddress(), configuration: try clientConfiguration())
        do {
            try await work(client)
            await client.close()
        } catch {
            await client.close()
            guard let error = error as? ClientError else { throw error }
            throw Complaint(error, address: client.address).reported(asJSON: json)
        }
    }
}
