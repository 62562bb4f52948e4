/// Variables that begin with `COUPOND_` and are not settings.

enum ForeignVariables {
    /// Of this repository's other programs.
    private static let ours: Set<String> = [
        "COUPOND_FUZZ", "COUPOND_FUZZ_TARGET", "COUPOND_WITHOUT",
    ]

    /// Whether somebody else sets it. Kubernetes and Docker give every container variables of each service,
    /// and so of a service with the name coupond: `COUPOND_SERVICE_HOST`, `COUPOND_PORT_7070_TCP`…
    static func contains(_ name: String, value: String) -> Bool {
        if ours.contains(name) || name.contains(/_SERVICE_(?:HOST|PORT(?:_[A-Z0-9_]+)?)$/) {
            return true
        }
        if name.contains(/_PORT_[0-9]+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?$/) { return true }
        // Only the value tells this one from a mistake such as COUPOND_REDIS_PORT=6380.
        return name.hasSuffix("_PORT") && value.contains(/^(?:tcp|udp|sctp):\/\//)
    }
}
