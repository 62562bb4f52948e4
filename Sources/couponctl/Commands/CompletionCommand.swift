internal import ArgumentParser
internal import CouponClient
internal import CouponCore

/// The scripts by which a shell completes commands, options and ids.
struct CompletionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "completion",
        abstract: "Prints the completions of a shell.",
        discussion: """
            bash: couponctl completion bash > ~/.local/share/bash-completion/completions/couponctl
            zsh:  couponctl completion zsh > "${fpath[1]}/_couponctl"
            fish: couponctl completion fish > ~/.config/fish/completions/couponctl.fish
            """)

    /// A shell, or `ids`, which the scripts call.
    enum Wanted: String, CaseIterable, ExpressibleByArgument {
        case bash, zsh, fish, ids

        fileprivate var shell: CompletionShell? {
            switch self {
            case .bash: .bash
            case .zsh: .zsh
            case .fish: .fish
            case .ids: nil
            }
        }
    }

    @OptionGroup var global: GlobalOptions
    @Argument(help: "bash, zsh or fish.") var shell: Wanted

    func run() async throws {
        do throws(OutputLost) {
            if let shell = shell.shell {
                return try Output.write([Couponctl.completionScript(for: shell)])
            }
        } catch {
            throw error.reported()
        }
        try await global.withClient(reading: true) { client in
            let coupons = try await client.coupons(after: CouponID(0))
            try Output.write(coupons.map { "\($0.id.rawValue)" })
        }
    }
}

extension CompletionKind {
    /// The ids of the first page of coupons. No message disturbs the command line if there are none.
    static var couponIDs: CompletionKind {
        .shellCommand("couponctl completion ids 2>/dev/null")
    }
}
