/// The rights that a start checks are those that the scripts need.
internal import Testing

@testable internal import CouponRedis

@Suite struct RightsTests {
    @Test func `every command of a script is among the rights that a start checks`() {
        let checked = commands(in: Script.rights, #/{ '([A-Z]+)'/#)
        for script in Script.allCases where script != .rights {
            let used = commands(
                in: script, #/redis\.p?call\('([A-Z]+)'|= { '([A-Z]+)'|\bcall\('([A-Z]+)'/#)
            #expect(used.isSubset(of: checked), "\(script): \(used.subtracting(checked))")
        }
        #expect(checked.isSuperset(of: ["MSET", "HSET", "XADD"]), "the patterns find something")
    }

    private func commands<Output>(in script: Script, _ pattern: Regex<Output>) -> Set<String> {
        let text = String(decoding: script.text, as: UTF8.self)
        var found: Set<String> = []
        for match in text.matches(of: Regex<AnyRegexOutput>(pattern)) {
            for group in match.output.dropFirst() {
                if let name = group.substring { found.insert(String(name)) }
            }
        }
        return found
    }
}
