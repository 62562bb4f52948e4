/// What BoringSSL says of an error. NIOSSL passes it on as a text:
/// `error:1000007d:SSL routines:OPENSSL_internal:NAME at FILE:LINE`.
package enum BoringSSLText {
    /// The name of the error, such as `CERTIFICATE_VERIFY_FAILED`; nil if the text has none.
    package static func name(in text: String) -> String? {
        text.firstMatch(of: /OPENSSL_internal:(\w+)/).map { String($0.1) }
    }
}
