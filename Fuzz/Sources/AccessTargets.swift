/// The text of a callers file.
internal import CouponAccess

/// With any text, each mistake has a line or concerns the whole file, and a file without mistakes stays one
/// when it is changed.
func fuzzCallers(_ input: [UInt8]) {
    do throws(CallersFileError) {
        var text = try CallersText(input)
        let callers = Callers(text.file)
        for entry in text.file.entries {
            require(!entry.proofs.isEmpty || entry.principal.isAnonymous, "nothing proves a name")
            for case .token(let digest) in entry.proofs {
                require(
                    callers.principal(provedBy: digest) == entry.principal,
                    "a token proves another principal")
            }
        }
        guard
            let name = text.file.entries.first(where: { !$0.principal.isAnonymous })?.principal.name
        else { return }
        _ = try text.addToken(TokenDigest(of: input), to: name)
        let entry = text.entry(of: name)
        require(
            entry?.proofs.contains(.token(TokenDigest(of: input))) == true,
            "the new token is missing")
        _ = try text.remove(name)
        require(text.entry(of: name) == nil, "a principal is still there")
    } catch {
        require(!error.problems.isEmpty, "refused without a reason")
    }
}
