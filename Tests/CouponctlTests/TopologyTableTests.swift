/// How couponctl shows which Redis serves which partitions.
import CouponCore
import Testing

@testable import couponctl

@Suite struct TopologyTableTests {
    private func node(_ id: String, _ partitions: [Int]) -> TopologyReport.Node {
        TopologyReport.Node(
            id: id, address: "10.0.0.1:6379", term: 3,
            partitions: partitions.map { PartitionID($0) })
    }

    @Test(arguments: [
        ([0, 1, 2, 3], "0-3"), ([0, 2, 3, 9], "0,2-3,9"), ([7], "7"), ([], ""),
    ])
    func `partitions are shown in the shortest form`(_ partitions: [Int], _ text: String) {
        #expect(node("a", partitions).ranges == text)
    }

    @Test func `a table has a line for each node, and what is wrong`() {
        let report = TopologyReport(
            kind: .cluster, epoch: 7, nodes: [node("a", [0, 1]), node("b", [])], moreNodes: 2,
            trouble: "no node\nanswers")
        #expect(
            report.lines == [
                "NODE  ADDRESS        TERM  PARTITIONS  WHICH",
                "a     10.0.0.1:6379     3           2  0-1",
                "b     10.0.0.1:6379     3           0  -", "and 2 more",
                "the last reading failed: no node\\u{a}answers",
            ], "\(report.lines)")
        #expect(
            "\(report.json)".hasPrefix(
                #"{"kind":"CLUSTER","epoch":7,"nodes":[{"id":"a","address":"#))
    }
}
