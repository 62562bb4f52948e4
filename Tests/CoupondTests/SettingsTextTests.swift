/// The docs and the example file say the same as the table of settings.
import Foundation
import Testing

@testable import coupond

@Suite struct SettingsTextTests {
    private let repository = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    @Test func `docs/OPERATIONS.md has the table of settings`() throws {
        let rows = Settings.all.map { setting in
            let fallback = setting.fallback.isEmpty ? "" : "`\(setting.fallback)`"
            return "| `\(setting.key)` | \(setting.help) | \(setting.expectation) | \(fallback) |\n"
        }
        let table = "| setting | meaning | value | default |\n|---|---|---|---|\n" + rows.joined()
        let text = try String(
            contentsOf: repository.appending(path: "docs/OPERATIONS.md"), encoding: .utf8)
        #expect(text.contains("-->\n\(table)<!-- end of settings -->"), "it should be:\n\(table)")
    }

    @Test func `the example file has every setting, with its default`() async throws {
        let entries = Settings.inFile.map { setting in
            "# \(setting.help).\n# Value: \(setting.expectation).\n# \(setting.key) = \(setting.fallback)\n"
                .replacing(" \n", with: "\n")
        }
        let path = repository.appending(path: "systemd/coupond.conf").path
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let wanted = entries.joined(separator: "\n")
        #expect(text.hasSuffix("\n\n" + wanted), "it should end with:\n\(wanted)")
        #expect(await problems(flags: ["config": path]) == [])
    }
}
