/// Mistakes of the settings that say where the daemon listens, and for whom.
internal import CouponAccess
internal import CouponCore
internal import Glibc

extension Configuration {
    /// Where callers connect, the listener of admin methods included.
    var callerEndpoints: [EndpointSetting] { self.listen + (self.adminListen.map { [$0] } ?? []) }

    /// Two listeners cannot have one address.
    func checkAddresses(_ layers: inout Layers) {
        let settings = Settings.table
        for (index, endpoint) in self.listen.enumerated()
        where self.listen[..<index].contains(where: endpoint.overlaps) {
            layers.report("listen has \(endpoint) twice", about: settings.listen)
        }
        if let admin = self.adminListen, self.listen.contains(where: admin.overlaps) {
            layers.report("admin-listen is the address of listen", about: settings.adminListen)
        }
        if let metrics = self.metricsListen {
            if self.listen.contains(where: metrics.overlaps) {
                layers.report(
                    "metrics-listen is the address of listen", about: settings.metricsListen)
            }
            if let admin = self.adminListen, metrics.overlaps(admin) {
                layers.report(
                    "metrics-listen is the address of admin-listen", about: settings.metricsListen)
            }
        }
        if let group = self.unixSocketGroup, Self.groupID(group) == nil {
            layers.report(
                "unix-socket-group is \"\(group)\", which this machine does not know",
                about: settings.unixSocketGroup)
        }
    }

    /// A daemon that listens beyond this machine has TLS and knows its callers, or its settings say that it
    /// does not: so nobody opens it to the network by mistake.
    func checkExposure(_ layers: inout Layers) {
        let settings = Settings.table
        checkExposureOfMetrics(&layers)
        let listeners: [(any AnySetting, [EndpointSetting])] = [
            (settings.listen, self.listen),
            (settings.adminListen, self.adminListen.map { [$0] } ?? []),
        ]
        for (setting, endpoints) in listeners {
            for endpoint in endpoints where !endpoint.isLocal {
                let place = "\(setting.key) has \(endpoint), which is beyond this machine, "
                if self.tlsCertificate == nil && !self.allowPlaintext {
                    layers.report(
                        place + "without TLS: set tls-certificate and tls-key, "
                            + "or allow-plaintext = true", about: setting)
                }
                if self.tlsClientCA == nil && self.callersFile == nil && !self.allowAnonymousCallers
                {
                    layers.report(
                        place
                            + "and nothing says who may call: set callers-file, or tls-client-ca, "
                            + "or allow-anonymous-callers = true", about: setting)
                }
            }
        }
    }

    /// Without a callers file only callers on this machine are watchers, operators and admins. So a callers
    /// file may not give `anonymous` these roles if others can connect. With a CA for callers it may: each of
    /// them has at least shown a certificate.
    func checkAnonymous(_ anonymous: Principal, _ layers: inout Layers) {
        guard let roles = forbiddenRoles(of: anonymous) else { return }
        layers.report(
            "callers-file: anonymous has the role \(roles), and listen or admin-listen is beyond this "
                + "machine: remove the role, or set allow-anonymous-callers = true",
            about: Settings.table.callersFile)
    }

    /// The roles that `anonymous` has and may not have where the daemon listens; nil if there are none.
    func forbiddenRoles(of anonymous: Principal) -> String? {
        let roles = anonymous.roles.intersection([.watcher, .operator, .admin])
        guard !roles.isEmpty, self.tlsClientCA == nil, !self.allowAnonymousCallers,
            !callerEndpoints.allSatisfy(\.isLocal)
        else { return nil }
        return roles.names.joined(separator: ", ")
    }

    /// Metrics say how much is sold, and which coupons are in trouble. HTTP has no TLS here: that is left to
    /// a proxy, or to a network that is private.
    private func checkExposureOfMetrics(_ layers: inout Layers) {
        guard let metrics = self.metricsListen, !metrics.isLocal, self.callersFile == nil,
            !self.allowAnonymousCallers
        else { return }
        layers.report(
            "metrics-listen has \(metrics), which is beyond this machine, and nothing says who may "
                + "read it: set callers-file, or allow-anonymous-callers = true",
            about: Settings.table.metricsListen)
    }

    /// Certificate and key belong together.
    func checkTLS(_ layers: inout Layers) {
        let settings = Settings.table
        if (self.tlsCertificate == nil) != (self.tlsKey == nil) {
            layers.report(
                "tls-certificate and tls-key need each other",
                about: self.tlsKey == nil ? settings.tlsCertificate : settings.tlsKey)
        }
        if self.tlsClientCA != nil && self.tlsCertificate == nil {
            layers.report("tls-client-ca needs tls-certificate", about: settings.tlsClientCA)
        }
    }

    /// The number of a group; nil if there is none of this name.
    static func groupID(_ name: String) -> UInt32? {
        guard let group = unsafe getgrnam(name) else { return nil }
        return unsafe group.pointee.gr_gid
    }
}
