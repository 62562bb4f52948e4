import Testing

@testable import CouponServer

@Suite struct MetricFamilyTests {
    private func families(_ one: Int, _ two: [Int]) -> [MetricFamily] {
        [
            MetricFamily("coupond_one", .gauge, one),
            MetricFamily("coupond_two_total", .counter, by: "lane", Array(zip(["a", "b"], two))),
        ]
    }

    @Test func `a metric has its type and one line for each value`() {
        #expect(
            families(1, [2, 3]).map(\.text) == [
                "# TYPE coupond_one gauge\ncoupond_one 1\n",
                """
                # TYPE coupond_two_total counter
                coupond_two_total{lane="a"} 2
                coupond_two_total{lane="b"} 3

                """,
            ])
    }

    @Test func `event loops are summed value by value`() {
        let lists = [families(1, [2, 3]), families(10, [20, 30]), families(100, [0, 300])]
        #expect(MetricFamily.sum(lists) == families(111, [22, 333]))
        #expect(MetricFamily.sum([]) == [])
    }
}
