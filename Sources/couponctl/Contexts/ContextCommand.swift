internal import ArgumentParser
internal import FoundationEssentials

/// `couponctl context …`: names for daemons.
struct ContextCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "context", abstract: "Names daemons, with the options that reach them.",
        subcommands: [ContextAdd.self, ContextList.self, ContextUse.self, ContextRemove.self])

    @OptionGroup var global: GlobalOptions
}

/// A new context.
struct ContextAdd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add",
        abstract:
            "Keeps the given options under a name: --address, --caller-token-file, --tls-ca, …")

    @OptionGroup var global: GlobalOptions
    @Argument(help: "Its name: letters, digits, - _ and .") var name: String
    @Option(help: ArgumentHelp("The daemon's metrics-listen, for top.", valueName: "address"))
    var metricsAddress: String?

    func validate() throws {
        if !Contexts.isName(name) {
            throw ValidationError("'\(name)' is not a name: use letters, digits, - _ and .")
        }
        if global.address == nil { throw ValidationError("--address is missing") }
    }

    func run() async throws {
        _ = try global.serverAddress()
        var options = global.asContext
        options["metrics-address"] = metricsAddress
        for value in options.values where value.contains(where: \.isNewline) {
            throw ValidationError("a value has a line end")
        }
        try change { $0.add(name, options) }
    }
}

/// All contexts.
struct ContextList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists the contexts; a star is at the current one.")

    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let contexts = try ContextsFile(ProcessInfo.processInfo.environment)?.read() ?? Contexts()
        var table = Table(header: ["", "NAME", "ADDRESS"])
        table.rows = contexts.all.sorted { $0.key < $1.key }.map {
            [$0.key == contexts.current ? "*" : "", $0.key, $0.value["address"] ?? ""]
        }
        let json = JSONValue.array(
            contexts.all.sorted { $0.key < $1.key }.map { name, options in
                .object(
                    [("name", .string(name)), ("current", .bool(name == contexts.current))]
                        + options.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })
            })
        do throws(OutputLost) {
            try Output.show(json, table.lines, json: global.json)
        } catch {
            throw error.reported()
        }
    }
}

/// Makes a context the current one.
struct ContextUse: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "use", abstract: "Uses a context from now on.")

    @Argument(help: "Its name.") var name: String

    func run() async throws {
        try change {
            if !$0.use(name) { throw ValidationError("there is no context '\(name)'") }
        }
    }
}

/// Removes a context.
struct ContextRemove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Forgets a context.")

    @Argument(help: "Its name.") var name: String

    func run() async throws {
        try change {
            if !$0.remove(name) { throw ValidationError("there is no context '\(name)'") }
        }
    }
}

private func change(_ change: (inout Contexts) throws -> Void) throws {
    guard let file = ContextsFile(ProcessInfo.processInfo.environment) else {
        throw ValidationError("neither HOME nor XDG_CONFIG_HOME says where contexts are kept")
    }
    var contexts = try file.read()
    try change(&contexts)
    try file.write(contexts)
}
