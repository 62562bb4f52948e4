import Foundation

/// The orders, in a file. A shop has a table for them.
actor OrderBook {
    private let file: URL
    private var orders: [UUID: Order] = [:]

    init(file: URL) throws {
        self.file = file
        guard FileManager.default.fileExists(atPath: file.path) else { return }
        let known = try JSONDecoder().decode([Order].self, from: Data(contentsOf: file))
        orders = Dictionary(uniqueKeysWithValues: known.map { ($0.order, $0) })
    }

    /// The orders of which it is not known whether their coupon is issued.
    var unknown: [Order] { orders.values.filter { $0.word == .unknown } }

    subscript(id: UUID) -> Order? { orders[id] }

    func keep(_ order: Order) throws {
        orders[order.order] = order
        try write()
    }

    func forget(_ order: Order) throws {
        orders[order.order] = nil
        try write()
    }

    private func write() throws {
        try JSONEncoder().encode(Array(orders.values)).write(to: file, options: .atomic)
    }
}
