internal import ArgumentParser
internal import CouponCore
internal import FileAccess
internal import FoundationEssentials
internal import Glibc

/// A text file that people write, perhaps on Windows.
enum TextFile {
    /// Without a byte order mark at its beginning; nil if the bytes are not UTF-8.
    static func text(of bytes: some Sequence<UInt8>) -> String? {
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        return text.hasPrefix("\u{FEFF}") ? String(text.unicodeScalars.dropFirst()) : text
    }

    /// The lines of a text. A Windows file ends each line with two characters that Swift takes for one.
    static func lines(of text: String) -> [Substring] {
        text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
    }
}

/// Coupons to create, from a file of JSON objects, one a line, as `coupon list --json` prints them.
enum CouponFile {
    /// - Parameter path: `-` is standard input.
    /// - Parameter option: which names it.
    static func text(of path: String, _ option: String) throws(ValidationError) -> String {
        guard let bytes = bytes(of: path) else {
            throw ValidationError("\(option): \(path) cannot be read")
        }
        guard let text = TextFile.text(of: bytes) else {
            throw ValidationError("\(option): \(path) is not UTF-8 text")
        }
        return text
    }

    /// The bytes of a file, or of a pipe, which Foundation does not read. Nil if they cannot be read.
    private static func bytes(of path: String) -> [UInt8]? {
        path == "-"
            ? try? FileContents.read(descriptor: STDIN_FILENO) : try? FileContents.read(path)
    }

    /// The coupons of all lines that are not empty.
    /// - Throws: A usage error that names the first line that is wrong.
    static func coupons(in text: String, now: Timestamp) throws -> [Coupon] {
        var coupons: [Coupon] = []
        for (index, text) in TextFile.lines(of: text).enumerated()
        where text.contains(where: { !$0.isWhitespace }) {
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
