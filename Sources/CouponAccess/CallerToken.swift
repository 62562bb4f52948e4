/// Tokens by which callers prove who they are, and what is stored of them.
internal import CLibcrypto

/// A token of 256 random bits, as text.
public struct CallerToken: Sendable {
    /// By this prefix a secret scanner finds a token that was written to the wrong place.
    private static let prefix = "coupond_"
    private static let randomBytes = 32

    /// The text that the caller keeps. This program does not store it.
    public let text: String

    /// A new token; nil if the system gives no random bytes.
    public init?() {
        var bytes = [UInt8](repeating: 0, count: Self.randomBytes)
        guard unsafe RAND_bytes(&bytes, Int32(bytes.count)) == 1 else { return nil }
        text = Self.prefix + bytes.hexadecimal
    }

    /// What the callers file has of the token.
    public var digest: TokenDigest { TokenDigest(of: Array(text.utf8)) }
}

/// The SHA-256 of a token. A token has at least 128 random bits, so nobody finds it from its digest.
public struct TokenDigest: Sendable {
    private static let prefix = "sha256:"

    private let bytes: [UInt8]

    /// The digest of a token's bytes.
    public init(of token: [UInt8]) {
        var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
        _ = unsafe SHA256(token, token.count, &digest)
        bytes = digest
    }

    /// From `sha256:` and 64 hexadecimal digits; nil if the text is not that.
    public init?(_ text: some StringProtocol) {
        guard text.hasPrefix(Self.prefix) else { return nil }
        let digits = Array(text.utf8.dropFirst(Self.prefix.utf8.count))
        guard digits.count == 2 * Int(SHA256_DIGEST_LENGTH) else { return nil }
        var read: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = digits[index].hexadecimalValue,
                let low = digits[index + 1].hexadecimalValue
            else { return nil }
            read.append(high << 4 | low)
        }
        bytes = read
    }
}

extension TokenDigest: Hashable {
    /// Takes the same time wherever the first difference is.
    public static func == (left: Self, right: Self) -> Bool {
        unsafe CRYPTO_memcmp(left.bytes, right.bytes, Int(SHA256_DIGEST_LENGTH)) == 0
    }

    /// Hashes with a key that each process draws at random.
    public func hash(into hasher: inout Hasher) { hasher.combine(bytes) }
}

extension TokenDigest: CustomStringConvertible {
    /// As `init(_:)` reads it.
    public var description: String { Self.prefix + bytes.hexadecimal }
}

extension [UInt8] {
    fileprivate var hexadecimal: String {
        map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}

extension UInt8 {
    /// Nil if it is not the ASCII of a hexadecimal digit.
    fileprivate var hexadecimalValue: UInt8? {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

/// Whether two secrets are equal. It takes the same time wherever the first difference is; only a different
/// length is found sooner.
public func areEqualInConstantTime(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return false }
    return unsafe CRYPTO_memcmp(left, right, left.count) == 0
}
