/// The names of metrics are in one list, and those of values in log lines in another one. No two types
/// outside other types have one name.
import Testing

private let metricList = "Sources/CouponCore/Observation/MetricName.swift"
private let keyList = "Sources/CouponCore/Observation/LogKey.swift"
/// Programs that log; couponctl does not.
private let sources = SourceFile.swiftSources.filter { $0.module != "couponctl" }

@Suite struct NameTests {
    /// Where each type is. Types inside other types are left out, because their full names have the outer
    /// type.
    private func places(
        of files: [SourceFile], where isCounted: (String) -> Bool = { _ in true }
    ) -> [Substring: [String]] {
        var places: [Substring: [String]] = [:]
        for file in files {
            for line in file.code where isCounted(line) {
                let words = /^(?:[@\w()]+ )*(?:class|struct|enum|actor|protocol) ([A-Z]\w*)/
                if let match = line.firstMatch(of: words) {
                    places[match.1, default: []].append(file.path)
                }
            }
        }
        return places
    }

    @Test func `no two types of the sources have one name`() {
        let places = places(of: SourceFile.swiftSources)
        #expect(places.count > 300)
        for (name, paths) in places where paths.count > 1 {
            Testing.Issue.record("\(name) is in \(paths)")
        }
    }

    /// Names that types of two test targets have. Remove those that are gone, and add none.
    private static let twins: Set<Substring> = [
        "Breach", "Daemon", "PostgresServer", "RedisServer",
    ]

    @Test func `no two types or suites of the tests have one name, except for a list that shrinks`()
    {
        let files = SourceFile.swiftFiles.filter { $0.path.hasPrefix("Tests/") }
        // A type that only its own file sees cannot be mistaken for another one.
        let places = places(of: files) { !$0.hasPrefix("private ") }
        #expect(places.count > 200)
        #expect(Set(places.filter { $0.value.count > 1 }.keys) == Self.twins)
        let suites = files.compactMap { $0.path.split(separator: "/").last }.filter {
            $0.hasSuffix("Tests.swift")
        }
        #expect(Set(suites).count == suites.count)
    }

    @Test func `constants outside a type are few, and no two have one name`() {
        // The tests of Redis and those of PostgreSQL each have a `partition`, with different numbers.
        var places: [Substring: [String]] = [:]
        let files = SourceFile.swiftFiles.filter {
            $0.path.hasPrefix("Tests/") && !$0.path.hasPrefix("Tests/ClientPackage/")
        }
        for file in files {
            for line in file.code {
                if let match = line.firstMatch(of: /^(?:let|var) (\w+)/) {
                    places[match.1, default: []].append(file.path)
                }
            }
        }
        #expect(places.values.reduce(0) { $0 + $1.count } <= 14)
        #expect(places.filter { $0.value.count > 1 }.map(\.key) == ["partition"])
    }

    @Test func `docs/OPERATIONS.md has a line for each metric and no others`() throws {
        let list = try #require(sources.first { $0.path == metricList })
        let names = list.text.matches(of: /"(coupond_\w+)"/).map { String($0.1) }
        let page = try #require(SourceFile.all(below: "docs", endings: ["OPERATIONS.md"]).first)
        let documented = page.lines.filter { $0.hasPrefix("| `coupond_") }.flatMap { line in
            line.split(separator: "|")[0].matches(of: /`(coupond_\w+)/).map { String($0.1) }
        }
        #expect(names.count > 20)
        #expect(Set(names).count == names.count)
        #expect(names.sorted() == documented.sorted())
    }

    @Test func `alerts and dashboard use metrics that exist`() throws {
        let list = try #require(sources.first { $0.path == metricList })
        let names = list.text.matches(of: /"((?:coupond|process)_\w+)"/).map { String($0.1) }
        let files = SourceFile.all(below: "Ops", endings: [".yml", ".json"])
        #expect(files.count == 3)
        for file in files {
            let used = file.text.matches(of: /\b(?:coupond|process)_[a-z_]+/).map {
                String($0.0).replacing(/_(bucket|sum|count)$/, with: "")
            }
            #expect(used.count > 10)
            for name in Set(used) { #expect(names.contains(name), "\(file.path): \(name)") }
        }
    }

    @Test func `each alert has a case and a paragraph`() throws {
        let files = SourceFile.all(below: "Ops", endings: [".yml"])
        let alerts = try #require(files.first { $0.path == "Ops/alerts.yml" })
        let cases = try #require(files.first { $0.path == "Ops/alerts.test.yml" })
        let page = try #require(SourceFile.all(below: "docs", endings: ["ALERTS.md"]).first)
        let names = alerts.text.matches(of: /alert: (\w+)/).map { String($0.1) }
        #expect(names.count > 10)
        for name in names {
            #expect(page.text.contains("**\(name).**"), "\(name)")
            #expect(
                cases.text.matches(of: try Regex("alertname: \(name)\\b")).count >= 2, "\(name)")
        }
    }

    @Test(arguments: sources.filter { $0.path != metricList })
    func `the name of a metric is written once`(_ file: SourceFile) {
        let found = file.text.firstMatch(of: /"coupond_\w+/)
        #expect(found == nil, "\(file.path) has \(found.map { $0.0 } ?? "")")
    }

    @Test(arguments: sources.filter { $0.path != keyList })
    func `the key of a log line's value is written once`(_ file: SourceFile) {
        // A dictionary with a literal key and text as its value, or the argument `key`.
        let found = file.text.firstMatch(of: /"[a-z][^"\n]*":\s*"|\bkey: "|metadataKey: "/)
        #expect(found == nil, "\(file.path) has \(found.map { $0.0 } ?? "")")
    }

    @Test func `each key of a log line's value is used`() throws {
        let list = try #require(sources.first { $0.path == keyList })
        let keys = list.text.matches(of: /let (\w+) = "/).map { String($0.1) }
        #expect(keys.count > 20)
        for key in keys {
            #expect(sources.contains { $0.text.contains("LogKey.\(key)") }, "\(key)")
        }
    }
}
