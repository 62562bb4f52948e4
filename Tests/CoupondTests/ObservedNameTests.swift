/// The pages name checks and lanes as the code has them.
import CouponCore
import Foundation
import TestSupport
import Testing

@testable import CouponServer

@Suite struct ObservedNameTests {
    private func page(_ name: String) throws -> String {
        try String(contentsOfFile: repositoryRoot + "/docs/" + name, encoding: .utf8)
    }

    @Test func `each check that a page looks for exists`() throws {
        let condition = Condition(loops: [], partitions: 16, queues: nil, missingRights: nil)
        let checks = condition.checks.map(\.name)
        var found = 0
        for name in try FileManager.default.contentsOfDirectory(atPath: repositoryRoot + "/docs")
        where name.hasSuffix(".md") {
            for match in try page(name).matches(of: /`([a-z]+)` in `\/readyz\?verbose`/) {
                #expect(checks.contains(String(match.1)), "\(name) names \(match.1)")
                found += 1
            }
        }
        #expect(found > 0)
    }

    @Test func `OPERATIONS names every lane, and ALERTS each that may refuse work`() throws {
        let row = try #require(
            page("OPERATIONS.md").split(separator: "\n").first {
                $0.hasPrefix("| `coupond_slow_waiting{lane}`")
            })
        let alert = try #require(
            page("ALERTS.md").components(separatedBy: "\n\n").first {
                $0.hasPrefix("**CoupondSlowWorkRefused.**")
            })
        for lane in Lane.allCases {
            #expect(row.contains("`\(lane)`"), "\(lane)")
            #expect(alert.contains("`\(lane)`") == (lane.bound > 0), "\(lane)")
        }
    }
}
