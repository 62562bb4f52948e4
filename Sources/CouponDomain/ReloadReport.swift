/// What a reload has done to the settings of a daemon.
public struct ReloadReport: Hashable, Sendable {
    /// The keys of the settings that have another value now.
    public var changed: [String]
    /// The keys of the settings whose new value needs a restart of the daemon.
    public var needsRestart: [String]

    /// A report.
    public init(changed: [String] = [], needsRestart: [String] = []) {
        self.changed = changed
        self.needsRestart = needsRestart
    }
}

extension ReloadReport: CustomStringConvertible {
    /// Such as `reloaded; changed log-level; a restart is needed for max-batch`.
    public var description: String {
        var parts = ["reloaded"]
        if !changed.isEmpty { parts.append("changed " + changed.joined(separator: ", ")) }
        if !needsRestart.isEmpty {
            parts.append("a restart is needed for " + needsRestart.joined(separator: ", "))
        }
        return parts.joined(separator: "; ")
    }
}
