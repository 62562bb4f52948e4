internal import ArgumentParser
internal import CouponCore
internal import FoundationEssentials

/// Coupons to create, from a file of JSON objects, one a line, with the keys of `coupon list --json`: `id`,
/// `title`, `total`, `opens_at` and `closes_at`. Other keys have no meaning, so a list can be read as it is.
enum CouponFile {
    /// A line as it is written. Times are as on the command line.
    private struct Line: Decodable {
        let id: Whole
        let title: String
        let total: Whole?
        let opens: String?
        let closes: String?

        private enum CodingKeys: String, CodingKey {
            case id, title, total
            case opens = "opens_at"
            case closes = "closes_at"
        }
    }

    /// A number, or a text with one: as couponctl writes those above 2^53.
    private struct Whole: Decodable {
        let value: Int64

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let number = try? container.decode(Int64.self) {
                value = number
                return
            }
            guard let number = Int64(try container.decode(String.self)) else {
                throw DecodingError.dataCorruptedError(
                    in: container, debugDescription: "not a whole number")
            }
            value = number
        }
    }

    /// - Parameter path: `-` is standard input.
    static func text(of path: String) throws(ValidationError) -> String {
        do {
            let file = URL(filePath: path == "-" ? "/dev/stdin" : path)
            return String(decoding: try Data(contentsOf: file), as: UTF8.self)
        } catch {
            throw ValidationError("--file: \(path) cannot be read")
        }
    }

    /// The coupons of all lines that are not empty. Without `opens_at` a coupon opens now, without
    /// `closes_at` it never closes.
    /// - Throws: A usage error that names the first line that is wrong.
    static func coupons(in text: String, now: Timestamp) throws -> [Coupon] {
        var coupons: [Coupon] = []
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        for (index, text) in lines.enumerated() where text.contains(where: { !$0.isWhitespace }) {
            do {
                let line = try JSONDecoder().decode(Line.self, from: Data(text.utf8))
                coupons.append(try coupon(line, now: now))
            } catch let error as ValidationError {
                throw ValidationError("line \(index + 1): \(error.message)")
            } catch {
                throw ValidationError(
                    "line \(index + 1) is not a JSON object with id, title, and perhaps total, "
                        + "opens_at and closes_at")
            }
        }
        guard !coupons.isEmpty else { throw ValidationError("the file has no coupon") }
        return coupons
    }

    private static func coupon(_ line: Line, now: Timestamp) throws -> Coupon {
        guard line.id.value > 0 else { throw ValidationError("id must be positive") }
        return Coupon(
            id: CouponID(line.id.value), title: line.title, total: line.total?.value,
            window: Window(
                opens: try moment(line.opens ?? "now", "opens_at", now),
                closes: try moment(line.closes ?? "never", "closes_at", now)))
    }

    private static func moment(
        _ text: String, _ key: String, _ now: Timestamp
    ) throws -> Timestamp {
        guard let moment = Moment(argument: text) else {
            throw ValidationError("\(key) is not a time: write RFC 3339, now, never or +1h")
        }
        return try moment.resolved(now: now, for: key)
    }
}
