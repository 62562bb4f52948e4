/// The table of settings, and the flags and messages that derive from it.
import ArgumentParser
import Testing

@testable import coupond

@Suite struct SettingsTests {
    @Test(arguments: Settings.all.map(\.key))
    func `a default is a value, and the flag exists`(_ key: String) throws {
        let setting = try #require(Settings.all.first { $0.key == key })
        #expect(setting.accepts(setting.fallback))
        #expect(Coupond.helpMessage().contains("--\(key)"))
        #expect(setting.help.last != ".")
    }

    @Test func `each setting has a key of its own, and a value without anything given`()
        async throws
    {
        #expect(Settings.all.count == Mirror(reflecting: Settings.table).children.count)
        #expect(Set(Settings.all.map(\.key)).count == Settings.all.count)
        #expect(try await Configuration(flags: [:], environment: [:]).maxBatch >= 1)
    }

    /// The settings that do not accept every text.
    static let strict = Settings.inFile.filter { !$0.accepts("?") }.map(\.key)

    @Test(arguments: strict)
    func `a wrong value is an error with its place`(_ key: String) async throws {
        let setting = try #require(Settings.inFile.first { $0.key == key })
        let folder = try ConfigurationFolder()
        let file = try folder.write("# first line\n\(key) = ?")
        let text = "\(key) is \"?\", and must be \(setting.expectation)"
        #expect(
            await problems(flags: [key: "?"]) == [.init(origin: "--\(key)", text: text)])
        #expect(
            await problems(environment: [setting.variable: "?"])
                == [.init(origin: setting.variable, text: text)])
        #expect(
            await problems(flags: ["config": file]) == [.init(origin: "\(file):2", text: text)])
    }

    @Test func `each setting is given by its flag`() throws {
        for setting in Settings.all where !setting.isSwitch {
            let options = try Options.parse(["--\(setting.key)", "given"])
            #expect(options.flags == [setting.key: "given"])
        }
        #expect(try Options.parse(["--allow-unsafe-redis"]).flags == ["allow-unsafe-redis": "true"])
        #expect(throws: (any Error).self) { try Options.parse(["--lisen", "localhost:1"]) }
    }
}
