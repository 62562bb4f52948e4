/// The table of settings, and what derives from it.
import ArgumentParser
import Testing

@testable import coupond

@Suite struct SettingsTests {
    @Test(arguments: Settings.all.map(\.key))
    func `a default is a value, garbage is not, and the flag exists`(_ key: String) throws {
        let setting = try #require(Settings.all.first { $0.key == key })
        #expect(setting.accepts(setting.fallback))
        #expect(Coupond.helpMessage().contains("--\(key)"))
        #expect(setting.help.last != ".")
    }

    @Test func `every setting is in the configuration, and the other way round`() async throws {
        let configuration = try await Configuration(flags: [:], environment: [:])
        #expect(Mirror(reflecting: configuration).children.count == Settings.inFile.count)
        #expect(Set(Settings.all.map(\.key)).count == Settings.all.count)
    }

    /// Those for which any text is a value cannot be wrong by form.
    static let strict = Settings.inFile.filter { !$0.accepts("?") }.map(\.key)

    @Test(arguments: strict)
    func `a wrong value is an error with its place, and never a default`(_ key: String) async throws
    {
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

    @Test func `the command line gives what it was given`() throws {
        for setting in Settings.all where setting.key != Settings.allowUnsafeRedis.key {
            let options = try Options.parse(["--\(setting.key)", "given"])
            #expect(options.flags == [setting.key: "given"])
        }
        #expect(try Options.parse(["--allow-unsafe-redis"]).flags == ["allow-unsafe-redis": "true"])
        #expect(throws: (any Error).self) { try Options.parse(["--lisen", "localhost:1"]) }
    }
}
