internal import ArgumentParser
internal import CouponClient
internal import CouponCore
internal import FileAccess
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

    @Option(
        help: ArgumentHelp(
            "A daemon that 'context add' has named. Else COUPONCTL_CONTEXT, else that of 'context use'.",
            valueName: "name"))
    var context: String?

    @Option(
        help: ArgumentHelp(
            "A file whose first line is the admin token. Else COUPONCTL_TOKEN_FILE.",
            valueName: "path"))
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
        let text = try address ?? variables()["COUPONCTL_ADDRESS"] ?? "127.0.0.1:7070"
        guard let parsed = ServerAddress(text) else {
            let forms = "write HOST:PORT, [HOST]:PORT for IPv6, or unix:/PATH"
            throw ValidationError(
                "'\(text)' is not an address: \(SocketPath.mistake(in: text) ?? forms)")
        }
        return parsed
    }

    /// The variables of the environment, and below them those of the context. A context that is named by an
    /// option comes before the environment.
    func variables() throws -> [String: String] {
        let environment = ProcessInfo.processInfo.environment
        let file = ContextsFile(environment)
        let contexts = try file?.read() ?? Contexts()
        // The tokens of a context that nobody named here must not go to another daemon.
        let isElsewhere = address != nil || environment["COUPONCTL_ADDRESS"] != nil
        let named = context ?? environment["COUPONCTL_CONTEXT"]
        guard let name = named ?? (isElsewhere ? nil : contexts.current) else { return environment }
        guard let own = contexts.variables(of: name) else {
            throw ValidationError(
                "there is no context '\(name)': 'couponctl context list' has them")
        }
        return context == nil
            ? environment.merging(own) { one, _ in one } : environment.merging(own) { $1 }
    }

    /// The options that are given, as a context keeps them.
    var asContext: [String: String] {
        var options: [String: String] = [:]
        options["address"] = address
        options["token-file"] = tokenFile
        options["caller-token-file"] = callerTokenFile
        options["tls"] = tls.tls ? "true" : nil
        options["tls-ca"] = tls.tlsCA
        options["tls-certificate"] = tls.tlsCertificate
        options["tls-key"] = tls.tlsKey
        options["tls-server-name"] = tls.tlsServerName
        return options
    }

    /// Bounds of the connections, with the tokens that are given.
    /// - Throws: A usage error if a token file cannot be read.
    func clientConfiguration() throws -> ClientConfiguration {
        var configuration = ClientConfiguration()
        // A change waits for locks. A timeout would only say that it may still complete.
        configuration.deadline = .seconds(10)
        let variables = try variables()
        configuration.tls = try tls.clientTLS(variables)
        if let path = tokenFile ?? variables["COUPONCTL_TOKEN_FILE"] {
            configuration.token = try token(inFile: path, "--token-file")
        }
        if let path = callerTokenFile ?? variables["COUPONCTL_CALLER_TOKEN_FILE"] {
            configuration.callerToken = try token(inFile: path, "--caller-token-file")
        }
        return configuration
    }

    private func token(inFile path: String, _ option: String) throws -> [UInt8] {
        do throws(SecretError) {
            return try token(inFile: path)
        } catch {
            throw ValidationError("\(option): \(SecretText.name(of: path)) \(error)")
        }
    }

    /// The first line of a file, as coupond reads its own.
    private func token(inFile path: String) throws(SecretError) -> [UInt8] {
        let limit = Limits.maximumTokenBytes
        let bytes: [UInt8]
        do throws(FileFault) {
            bytes = try FileContents.read(path, upTo: SecretText.bytesToRead(limit: limit))
        } catch {
            throw SecretError("\(error)")
        }
        return try SecretText.firstLine(of: bytes, limit: limit)
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
            let trace = try variables()["TRACEPARENT"].flatMap { TraceContext($0) }
            try await CouponClient.$trace.withValue(trace) { try await work(client) }
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
