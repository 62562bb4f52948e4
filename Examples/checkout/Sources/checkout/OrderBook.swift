import Foundation

/// The orders, in a file. A shop has a table for them.
actor OrderBook {
    private let file: URL
    private var orders: [UUID: Order] = [:]
    /// The orders for which exactly one request has gone out.
    private var askedOnce: Set<UUID> = []

    init(file: URL) throws {
        self.file = file
        guard FileManager.default.fileExists(atPath: file.path) else { return }
        let known = try JSONDecoder().decode([Order].self, from: Data(contentsOf: file))
        orders = Dictionary(uniqueKeysWithValues: known.map { ($0.order, $0) })
    }

    /// The orders of which it is not known whether their coupon is issued.
    var unknown: [Order] { orders.values.filter { $0.word == .unknown } }

    /// A request for an order goes out, unless what became of the order is final.
    /// - Returns: The order as it is kept, and whether a request for it may have gone out before.
    func begin(_ order: Order) throws -> (known: Order, again: Bool) {
        if let known = orders[order.order] {
            askedOnce.remove(order.order)
            return (known, true)
        }
        orders[order.order] = order
        try write()
        askedOnce.insert(order.order)
        return (order, false)
    }

    /// A request has ended: keeps what it has shown. What is final stays, whatever another request says.
    /// - Returns: The order as the customer is told.
    func end(_ order: Order) throws -> Order {
        if let known = orders[order.order], known.decided { return known }
        if order.decided || order.word == .unknown {
            orders[order.order] = order
        } else if askedOnce.remove(order.order) != nil {
            // Nothing was accepted, and nobody has asked since: the next request is a first one.
            orders[order.order] = nil
        }
        try write()
        return order
    }

    private func write() throws {
        try JSONEncoder().encode(Array(orders.values)).write(to: file, options: .atomic)
    }
}
