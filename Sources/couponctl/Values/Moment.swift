internal import ArgumentParser
internal import CouponCore

/// A moment as people write it: RFC 3339, `now`, or a distance from now such as `+1h` or `-5m`.
enum Moment: Equatable, ExpressibleByArgument {
    case absolute(Timestamp)
    case fromNow(milliseconds: Int64)
    case never

    init?(argument: String) {
        if let time = Timestamp(rfc3339: argument) {
            self = .absolute(time)
            return
        }
        if argument == "never" {
            self = .never
            return
        }
        if argument == "now" {
            self = .fromNow(milliseconds: 0)
            return
        }
        var rest = Substring(argument)
        let isPast = rest.read("-")
        guard isPast || rest.read("+"), let span = TimeSpan(argument: String(rest)) else {
            return nil
        }
        self = .fromNow(milliseconds: isPast ? -span.milliseconds : span.milliseconds)
    }

    /// As the help shows a default.
    var defaultValueDescription: String {
        switch self {
        case .absolute(let time): time.rfc3339
        case .never: "never"
        case .fromNow(milliseconds: 0): "now"
        case .fromNow(let milliseconds): "\(milliseconds < 0 ? "" : "+")\(milliseconds)ms"
        }
    }

    /// The moment itself.
    /// - Parameter option: its name, for the error.
    /// - Throws: A usage error with dates if coupond admits no such moment.
    func resolved(now: Timestamp, for option: String) throws(ValidationError) -> Timestamp {
        let moment =
            switch self {
            case .absolute(let time): time
            case .fromNow(let milliseconds): now.advanced(byMilliseconds: milliseconds)
            case .never: Timestamp.never
            }
        let (first, last) = (Timestamp.zero, Timestamp(microseconds: Limits.maximumMicroseconds))
        guard (first...last).contains(moment) else {
            throw ValidationError(
                "\(option) must be from \(first.rfc3339) to \(last.rfc3339)")
        }
        return moment
    }
}
