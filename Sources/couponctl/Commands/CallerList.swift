internal import ArgumentParser
internal import CouponAccess
internal import CouponCore

/// All principals of a callers file.
struct CallerList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists the principals; with --json one a line.")

    @OptionGroup var global: GlobalOptions
    @Option(help: ArgumentHelp("The callers file.", valueName: "path")) var file: String

    func run() async throws {
        let entries: [CallersFile.Entry]
        do throws(CallersFileError) {
            entries = try CallersFile(path: file).entries
        } catch {
            throw ValidationError(
                error.lines(path: file).map(\.safeForTerminal).joined(separator: "\n"))
        }
        let lines =
            global.json
            ? entries.map(\.json.description)
            : Table(header: CallersFile.Entry.header, rows: entries.map(\.row)).lines
        do throws(OutputLost) { try Output.write(lines) } catch { throw error.reported() }
    }
}

extension CallersFile.Entry {
    fileprivate static let header = ["NAME", "ROLES", "COUPONS", "EXPIRES", "PROVED BY"]

    fileprivate var row: [String] {
        [
            principal.name, principal.roles.names.joined(separator: ","),
            principal.coupons.map { "\($0)" } ?? "all", principal.expiresAt?.rfc3339 ?? "never",
            proofs.map(\.shown).joined(separator: " "),
        ]
    }

    fileprivate var json: JSONValue {
        .object([
            ("principal", .string(principal.name)),
            ("roles", .array(principal.roles.names.map { .string($0) })),
            ("coupons", principal.coupons.map { .string("\($0)") } ?? .null),
            ("expires_at", principal.expiresAt.map { .time($0) } ?? .null),
            ("rate", .optional(principal.requestsPerSecond.map { Int64($0) })),
            ("user_rate", .optional(principal.requestsPerSecondOfUser.map { Int64($0) })),
            ("connections", .optional(principal.connections.map { Int64($0) })),
            ("proved_by", .array(proofs.map { .string($0.shown) })),
        ])
    }
}

extension Proof {
    /// The beginning of a digest is enough to tell two tokens apart.
    fileprivate var shown: String {
        guard case .token = self else { return description }
        return String(description.prefix(21)) + "…"
    }
}
