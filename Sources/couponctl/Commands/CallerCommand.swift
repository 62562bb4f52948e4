internal import ArgumentParser
internal import CouponAccess
internal import CouponClient
internal import CouponCore

/// `couponctl caller …`: who may call, in the callers file of a coupond on this machine.
struct CallerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "caller",
        abstract: "Adds, lists, rotates and revokes the principals of a callers file.",
        discussion: """
            The file is the one that coupond's setting callers-file names. coupond reads it again after \
            --reload, couponctl reload or SIGHUP.
            """,
        subcommands: [CallerAdd.self, CallerList.self, CallerRotate.self, CallerRevoke.self])

    @OptionGroup var global: GlobalOptions
}

/// The callers file, and whether the daemon shall read it again.
struct CallersFileOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The callers file.", valueName: "path")) var file: String
    @Flag(help: "Makes the daemon read the file again.") var reload = false

    /// Changes the file.
    func change(
        _ change: (inout CallersText) throws -> Void
    ) throws {
        do {
            try CallersFileWriter(path: file).change(change)
        } catch let error as CallersFileError {
            throw ValidationError(
                error.lines(path: file).map(\.safeForTerminal).joined(separator: "\n"))
        } catch let complaint as CallerComplaint {
            throw complaint.reported()
        }
    }

    /// Reloads, if that was asked for; else says that it must be done.
    func finish(_ global: GlobalOptions) async throws {
        guard reload else {
            standardError(
                "couponctl: coupond uses the change after couponctl reload, or SIGHUP\n")
            return
        }
        try await global.withClient { try await $0.reload() }
    }
}

/// Adds a principal.
struct CallerAdd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Adds a principal, and prints its token once.",
        discussion: """
            A principal with --certificate, --socket or --uid gets a token only with --token. The name \
            anonymous stands for callers who prove nothing.
            """)

    @OptionGroup var global: GlobalOptions
    @OptionGroup var callers: CallersFileOptions
    @Argument(help: "Its name: letters, digits, dots, dashes, underscores.") var name: String
    @Option(help: "issuer, reader, watcher, operator, admin; with commas between.")
    var roles: String
    @Option(help: "The coupons that it may touch, such as 1-1000,2001; else all.") var coupons:
        String?
    @Option(
        help: ArgumentHelp(
            "A subject alternative name of its client certificate: DNS:… or URI:….",
            valueName: "name"))
    var certificate: [String] = []
    @Option(help: ArgumentHelp("The unix socket that it comes through.", valueName: "path"))
    var socket: [String] = []
    @Option(help: "Its user on this machine, at unix sockets.") var uid: [UInt32] = []
    @Flag(help: "Makes a token too.") var token = false
    @Option(help: "When it ends: a time, or +90d.") var expires: Moment?
    @Option(help: "Requests a second, at most.") var rate: Int?
    @Option(help: "Requests a second for one user, at most.") var userRate: Int?
    @Option(help: "Connections at once, at most.") var connections: Int?

    func run() async throws {
        let hasProof = !certificate.isEmpty || !socket.isEmpty || !uid.isEmpty
        let isAnonymous = name == Principal.anonymousName
        let made = token || !(hasProof || isAnonymous) ? try CallerToken.made() : nil
        let words = try self.words(made)
        try callers.change { text in
            guard text.entry(of: name) == nil else {
                throw CallerComplaint("\(name) is there already: rotate or revoke it")
            }
            try text.add(words)
        }
        try CallerToken.show(made, "added", name, global)
        try await callers.finish(global)
    }

    private func words(_ token: CallerToken?) throws -> [String] {
        var words = [name, "roles=\(roles)"]
        if let token { words.append("token=\(token.digest)") }
        words += certificate.map { "certificate=\($0)" } + socket.map { "socket=\($0)" }
        words += uid.map { "uid=\($0)" }
        if let coupons { words.append("coupons=\(coupons)") }
        if let rate { words.append("rate=\(rate)") }
        if let userRate { words.append("user-rate=\(userRate)") }
        if let connections { words.append("connections=\(connections)") }
        if let expires {
            let time = try expires.resolved(now: .now, for: "--expires")
            words.append("expires=\(time.rfc3339)")
        }
        // A space would make two fields of one.
        guard words.allSatisfy({ !$0.contains(where: \.isWhitespace) }) else {
            throw ValidationError("names and values must not have spaces")
        }
        return words
    }
}

/// Gives a principal another token.
struct CallerRotate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate", abstract: "Adds a second token; the newest old one stays valid.",
        discussion: "Once all its callers have the new token, --finish removes the old one.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var callers: CallersFileOptions
    @Argument(help: "Its name.") var name: String
    @Flag(help: "Removes the old token, and adds none.") var finish = false

    func run() async throws {
        let made = finish ? nil : try CallerToken.made()
        try callers.change { text in
            let isThere =
                if let made {
                    try text.addToken(made.digest, to: name)
                } else {
                    try text.removeOldTokens(of: name)
                }
            guard isThere else { throw CallerComplaint(noSuch: name) }
        }
        try CallerToken.show(made, "rotated", name, global)
        try await callers.finish(global)
    }
}

/// Removes a principal.
struct CallerRevoke: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Removes a principal; a reload ends its connections.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var callers: CallersFileOptions
    @Argument(help: "Its name.") var name: String

    func run() async throws {
        try callers.change { text in
            guard try text.remove(name) else { throw CallerComplaint(noSuch: name) }
        }
        do throws(OutputLost) {
            try Output.show(
                .object([("revoked", .string(name))]), ["revoked \(name)"], json: global.json)
        } catch {
            throw error.reported()
        }
        try await callers.finish(global)
    }
}
