internal import ArgumentParser
internal import CouponClient
internal import CouponCore
internal import FoundationEssentials
internal import Glibc
internal import NIOCore

/// The options of every command, before or after its name.
struct GlobalOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Where coupond listens, HOST:PORT or unix:/PATH. Else COUPONCTL_ADDRESS, else "
                + "127.0.0.1:7070.",
            valueName: "address"))
    var address: String?

    @Option(help: ArgumentHelp("A file whose first line is the admin token.", valueName: "path"))
    var tokenFile: String?

    @Option(
        help: ArgumentHelp(
            "A file whose first line is your token of the callers file. Else COUPONCTL_CALLER_TOKEN_FILE.",
            valueName: "path"))
    var callerTokenFile: String?

    @OptionGroup(title: "TLS") var tls: TLSOptions

    @Flag(help: "Print JSON: one document, or one line for each coupon.")
    var json = false

    /// The address to use.
    /// - Throws: A usage error if the text is not an address.
    func serverAddress() throws -> ServerAddress {
        let environment = ProcessInfo.processInfo.environment["COUPONCTL_ADDRESS"]
        let text = address ?? environment ?? "127.0.0.1:7070"
        guard let parsed = ServerAddress(text) else {
            throw ValidationError(
                "'\(text)' is not an address: write HOST:PORT, [HOST]:PORT for IPv6, or unix:/PATH")
        }
        return parsed
    }

    /// Bounds of the connections, with the tokens that are given.
    /// - Throws: A usage error if a token file cannot be read.
    func clientConfiguration() throws -> ClientConfiguration {
        var configuration = ClientConfiguration()
        // A change waits for locks. A timeout would only say that it may still complete.
        configuration.deadline = .seconds(10)
        configuration.tls = try tls.clientTLS(ProcessInfo.processInfo.environment)
        if let tokenFile { configuration.token = try token(inFile: tokenFile, "--token-file") }
        let variable = ProcessInfo.processInfo.environment["COUPONCTL_CALLER_TOKEN_FILE"]
        if let path = callerTokenFile ?? variable {
            configuration.callerToken = try token(inFile: path, "--caller-token-file")
        }
        return configuration
    }

    private func token(inFile path: String, _ option: String) throws -> [UInt8] {
        do throws(SecretError) {
            return try token(inFile: path)
        } catch {
            throw ValidationError("\(option): \(path) \(error)")
        }
    }

    /// The first line of a file, as coupond reads its own.
    private func token(inFile path: String) throws(SecretError) -> [UInt8] {
        let limit = Limits.maximumTokenBytes
        guard let file = unsafe fopen(path, "re") else {
            throw SecretError("cannot be read: \(unsafe String(cString: strerror(errno)))")
        }
        defer { unsafe fclose(file) }
        var bytes = [UInt8](repeating: 0, count: SecretText.bytesToRead(limit: limit))
        let count = unsafe fread(&bytes, 1, bytes.count, file)
        guard unsafe ferror(file) == 0 else {
            throw SecretError("cannot be read: \(unsafe String(cString: strerror(errno)))")
        }
        return try SecretText.firstLine(of: Array(bytes.prefix(count)), limit: limit)
    }

    /// Runs a command's work with a client, and turns what goes wrong into a message and an exit
    /// code.
    /// - Parameter reading: whether the command changes nothing.
    func withClient(
        reading: Bool = false, _ work: (CouponClient) async throws -> Void
    ) async throws {
        let client = CouponClient(
            address: try serverAddress(), configuration: try clientConfiguration())
        do {
            try await work(client)
            await client.close()
        } catch {
            await client.close()
            switch error {
            case let error as ClientError:
                throw Complaint(error, address: client.address, reading: reading)
                    .reported(asJSON: json)
            case let error as OutputLost: throw error.reported()
            default: throw error
            }
        }
    }
}
