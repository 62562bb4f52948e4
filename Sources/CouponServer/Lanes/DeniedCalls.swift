/// Calls that were denied to callers with a name, counted until the minute is over: one line of the trail for
/// each caller, method and code, however often it tries.
internal import CouponCore

struct DeniedCalls {
    /// Counted calls of one kind.
    struct Entry: Equatable {
        /// The last of them, for address and request.
        var call: AdminCall
        let code: StatusCode
        var count: Int64

        var action: AdminAction { AdminAction(call: call, outcome: code.name, count: count) }
    }

    private struct Kind: Hashable {
        let principal: String
        let method: String
        let code: StatusCode

        init(_ entry: Entry) {
            principal = entry.call.principal
            method = entry.call.method
            code = entry.code
        }
    }

    private var entries: [Kind: Entry] = [:]
    /// When the minute is over; nil if nothing is counted.
    private var dueAt: MonotonicTime?

    /// Stands for the callers of calls that are not counted apart, because there is no room. No caller has
    /// this name.
    private static let others = "*"

    /// Counts a denied call.
    mutating func count(_ call: AdminCall, _ code: StatusCode, at now: MonotonicTime) {
        add(Entry(call: call, code: code, count: 1), at: now)
    }

    /// Removes and returns the counted calls, in order, if their minute is over.
    /// - Parameter now: nil for all, even if the minute is not over.
    mutating func removeDue(at now: MonotonicTime?) -> [Entry] {
        if let now, now < dueAt ?? .init(nanoseconds: .max) { return [] }
        defer { (entries, dueAt) = ([:], nil) }
        return entries.values.sorted {
            ($0.call.principal, $0.call.method) < ($1.call.principal, $1.call.method)
        }
    }

    /// Counts again the calls that could not be written.
    mutating func restore(_ entries: [Entry], at now: MonotonicTime) {
        for entry in entries { add(entry, at: now) }
    }

    private mutating func add(_ entry: Entry, at now: MonotonicTime) {
        if dueAt == nil { dueAt = now.advanced(byMilliseconds: Limits.deniedCallsMilliseconds) }
        var entry = entry
        if entries[Kind(entry)] == nil, entries.count >= Limits.deniedCallKinds {
            (entry.call.principal, entry.call.method) = (Self.others, Self.others)
        }
        let old = entries[Kind(entry)]?.count ?? 0
        entry.count += old
        entries[Kind(entry)] = entry
    }
}
