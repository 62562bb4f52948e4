internal import ArgumentParser
internal import CouponCore
internal import FoundationEssentials

/// Coupons to create, from a file of JSON objects, one a line, as `coupon list --json` prints them.
enum CouponFile {
    /// - Parameter path: `-` is standard input.
    static func text(of path: String) throws(ValidationError) -> String {
        do {
            let file = URL(filePath: path == "-" ? "/dev/stdin" : path)
            return String(decoding: try Data(contentsOf: file), as: UTF8.self)
        } catch {
            throw ValidationError("--file: \(path) cannot be read")
        }
    }

    /// The coupons of all lines that are not empty.
    /// - Throws: A usage error that names the first line that is wrong.
    static func coupons(in text: String, now: Timestamp) throws -> [Coupon] {
        var coupons: [Coupon] = []
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        for (index, text) in lines.enumerated() where text.contains(where: { !$0.isWhitespace }) {
            do {
                let line = try JSONDecoder().decode(CouponLine.self, from: Data(text.utf8))
                coupons.append(try line.coupon(now: now))
            } catch let error as ValidationError {
                throw ValidationError("line \(index + 1): \(error.message)")
            } catch {
                throw ValidationError("line \(index + 1) is not \(CouponLine.form)")
            }
        }
        guard !coupons.isEmpty else { throw ValidationError("the file has no coupon") }
        return coupons
    }
}
