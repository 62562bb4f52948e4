/// Ranges of IP addresses, as settings have them.
internal import CouponAccess

extension Form<[AddressRange]> {
    /// Empty for none.
    static let ranges = Form(
        description: "IP addresses or ranges such as 192.0.2.0/24, separated by commas, or nothing"
    ) { text in
        if text.isEmpty { return [] }
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        let ranges = parts.compactMap { AddressRange(String($0).filter { $0 != " " }) }
        return ranges.count == parts.count ? ranges : nil
    }
}
