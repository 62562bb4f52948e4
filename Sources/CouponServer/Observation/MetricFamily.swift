/// A metric of the server and its values, and how metrics look in Prometheus' text format, version 0.0.4.
internal import CouponCore

struct MetricFamily: Equatable, Sendable {
    let name: String
    let kind: PrometheusText.Kind
    /// Each value with its label, such as `{lane="admin"}`; a metric without labels has one value.
    private(set) var values: [(label: String, value: Int)]

    init(_ name: String, _ kind: PrometheusText.Kind, _ value: Int) {
        self.name = name
        self.kind = kind
        values = [("", value)]
    }

    init(
        _ name: String, _ kind: PrometheusText.Kind, by label: String, _ values: [(String, Int)]
    ) {
        self.name = name
        self.kind = kind
        self.values = values.map { ("{\(label)=\"\($0)\"}", $1) }
    }

    /// The sums of lists that have the same metrics with the same labels in the same order.
    static func sum(_ lists: [[MetricFamily]]) -> [MetricFamily] {
        guard var sums = lists.first else { return [] }
        for list in lists.dropFirst() {
            for (family, other) in list.enumerated() {
                for (index, entry) in other.values.enumerated() {
                    sums[family].values[index].value += entry.value
                }
            }
        }
        return sums
    }

    var text: String {
        PrometheusText.family(name, kind, values.map { ($0.label, "\($0.value)") })
    }

    static func == (left: Self, right: Self) -> Bool { left.text == right.text }
}

/// Prometheus' text format, version 0.0.4.
package enum PrometheusText {
    package enum Kind: Sendable {
        case counter, gauge, histogram
    }

    /// - Parameter samples: what follows the name, a label or a suffix, and the value.
    package static func family(
        _ name: String, _ kind: Kind, _ samples: [(suffix: String, value: String)]
    ) -> String {
        (MetricName.help[name].map { "# HELP \(name) \($0)\n" } ?? "")
            + "# TYPE \(name) \(kind)\n"
            + samples.map { "\(name)\($0.suffix) \($0.value)\n" }.joined()
    }
}
