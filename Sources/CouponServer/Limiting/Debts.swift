/// What connections had spent of their budgets when they closed, by address. The next connection from there
/// begins with that, so to connect again gives nobody a full budget.
internal import CouponCore
internal import Synchronization

final class Debts: Sendable {
    private struct State {
        var debts: [AddressKey: [ConnectionLimits.Buckets]] = [:]
        var count = 0
        /// When paid debts may be removed again: each time all debts are looked at.
        var nextLook = MonotonicTime(nanoseconds: .min)
    }

    private let state = Mutex(State())
    private let count = Atomic(0)

    /// Takes no lock, because most often there are no debts.
    var isEmpty: Bool { count.load(ordering: .relaxed) == 0 }

    /// The connection of an address has closed.
    /// - Parameter text: an IP address; others are not remembered.
    func add(_ debt: ConnectionLimits.Buckets, of text: String, now: MonotonicTime) {
        guard let address = AddressKey(text) else { return }
        state.withLock { state in
            if state.count >= Limits.debts, now >= state.nextLook {
                Self.removePaid(&state, now)
                state.nextLook = now.advanced(byMilliseconds: 1_000)
            }
            guard state.count < Limits.debts else { return }
            state.debts[address, default: []].append(debt)
            state.count += 1
            count.store(state.count, ordering: .relaxed)
        }
    }

    /// What a new connection of an address has spent at its beginning; nil if nothing.
    func remove(of text: String, now: MonotonicTime) -> ConnectionLimits.Buckets? {
        guard let address = AddressKey(text) else { return nil }
        return state.withLock { state in
            while let debt = state.debts[address]?.popLast() ?? nil {
                if state.debts[address]?.isEmpty == true { state.debts[address] = nil }
                state.count -= 1
                count.store(state.count, ordering: .relaxed)
                if debt.owes(now: now) { return debt }
            }
            return nil
        }
    }

    private static func removePaid(_ state: inout State, _ now: MonotonicTime) {
        state.debts = state.debts.compactMapValues { debts in
            let left = debts.filter { $0.owes(now: now) }
            return left.isEmpty ? nil : left
        }
        state.count = state.debts.values.reduce(0) { $0 + $1.count }
    }
}
