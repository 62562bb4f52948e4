/// Events as JSON lines: one for each event and each reset, and one with the bookmark after each answer.
public import ArgumentParser
internal import CouponClient
public import CouponCore
internal import FileAccess
internal import Glibc

/// A bookmark of events as text, for an argument and a file: hexadecimal digits.
extension Bookmark: ExpressibleByArgument {
    /// Two digits for each byte.
    public init?(argument: String) {
        let digits = argument.compactMap(\.hexDigitValue).map(UInt8.init)
        guard digits.count == argument.count, digits.count.isMultiple(of: 2), !digits.isEmpty
        else { return nil }
        self.init(
            bytes: stride(from: 0, to: digits.count, by: 2).map {
                digits[$0] << 4 | digits[$0 + 1]
            })
    }

    /// As the argument is written.
    var hexadecimal: String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}

/// A file that has a bookmark. It is replaced after the events before the bookmark are written.
struct BookmarkFile {
    let path: String

    /// Nil if there is no such file.
    func read() throws -> Bookmark? {
        let bytes: [UInt8]
        do throws(FileFault) {
            bytes = try FileContents.read(path, upTo: 2 * Limits.bookmarkBytes + 2)
        } catch {
            if error == .unreadable(ENOENT) { return nil }
            throw ValidationError("--bookmark-file: \(path) \(error)")
        }
        var text = String(decoding: bytes, as: UTF8.self)
        while text.last?.isNewline == true { text.removeLast() }
        guard let bookmark = Bookmark(argument: text) else {
            throw ValidationError("--bookmark-file: \(path) does not have a bookmark")
        }
        return bookmark
    }

    /// A reader sees the old bookmark or the new one, and a crash leaves one of them.
    func write(_ bookmark: Bookmark) throws {
        do throws(ReplacedFile.Failure) {
            try ReplacedFile(path).replace(by: Array((bookmark.hexadecimal + "\n").utf8))
        } catch {
            // The events before the bookmark are printed, and the next run prints them again.
            standardError(
                "couponctl: --bookmark-file: cannot \(error.verb) \(path): \(error.reason)\n")
            throw CommandExit.outputLost.code
        }
    }
}

extension EventPage {
    /// One line for each reset and each event, and one for the bookmark.
    var lines: [String] {
        let behind: [(String, JSONValue)] = behind > 0 ? [("behind", .integer(behind))] : []
        return resets.map {
            let partition = JSONValue.integer(Int64($0.partition.rawValue))
            return
                "\(JSONValue.object([("reset", .string($0.reason.name)), ("partition", partition)]))"
        } + events.map { "\($0.json)" } + [
            "\(JSONValue.object([("bookmark", .string(bookmark.hexadecimal))] + behind))"
        ]
    }
}

extension CouponEvent {
    var json: JSONValue {
        .object(
            [("event", .string(kind.name)), ("coupon", .integer(coupon.rawValue))] + kind.details
                + [
                    ("committed_at", .time(committedAt)),
                    ("partition", .integer(Int64(place.partition.rawValue))),
                    ("commit", .integer(place.commit)), ("index", .integer(Int64(place.index))),
                ])
    }
}

extension CouponEvent.Kind {
    /// What belongs to the kind.
    fileprivate var details: [(String, JSONValue)] {
        switch self {
        case .issued(let user, let sequence, let id, let acceptedAt):
            request(user, sequence, id) + [("accepted_at", .time(acceptedAt))]
        case .rejected(let user, let sequence, let id, let reason):
            request(user, sequence, id) + [("reason", .string(reason.name))]
        case .soldOut(let version), .changed(let version): [("version", .integer(version))]
        }
    }

    private func request(
        _ user: UserID, _ sequence: Int64, _ id: RequestID
    ) -> [(String, JSONValue)] {
        [
            ("user", .integer(user.rawValue)), ("sequence", .integer(sequence)),
            ("request_id", .string(id.hexadecimal)),
        ]
    }
}
