/// The sockets of an activator (coupond.socket), as the listeners that they stand for.
internal import Systemd

/// Listening sockets that replace the addresses of settings.
struct InheritedListeners: Sendable {
    /// How messages name the place from which such a value comes.
    static let origin = "LISTEN_FDS"

    /// By the key of the setting: `listen`, `admin-listen` or `metrics-listen`.
    private var sockets: [String: [InheritedSocket]] = [:]
    /// Mistakes of the activator.
    private(set) var problems: [ConfigurationProblem] = []

    /// - Parameter environment: the process's.
    init(environment: [String: String]) {
        let settings = Settings.table
        let names = [settings.listen.key, settings.adminListen.key, settings.metricsListen.key]
        do throws(InheritedSocketError) {
            for socket in try InheritedSocket.all(environment: environment) {
                // Without FileDescriptorName= systemd gives the name of the unit.
                let isUnnamed =
                    ["", "unknown"].contains(socket.name) || socket.name.hasSuffix(".socket")
                let name = isUnnamed ? settings.listen.key : socket.name
                if names.contains(name) {
                    sockets[name, default: []].append(socket)
                } else {
                    problems.append(
                        .unknown(name, called: "socket name", at: Self.origin, among: names))
                }
            }
        } catch {
            problems.append(.init(origin: Self.origin, text: "\(error)"))
        }
    }

    /// The sockets of a setting, with their addresses as its value has them.
    subscript(setting: any AnySetting) -> [(endpoint: EndpointSetting, descriptor: Int32)] {
        (sockets[setting.key] ?? []).map { ($0.address.endpoint, $0.descriptor) }
    }

    /// The value of a setting; nil if no socket replaces it.
    func text(of setting: any AnySetting) -> String? {
        let sockets = self[setting]
        return sockets.isEmpty ? nil : sockets.map { "\($0.endpoint)" }.joined(separator: ",")
    }
}

extension InheritedSocket.Address {
    fileprivate var endpoint: EndpointSetting {
        switch self {
        case .tcp(let host, let port): .tcp(host: host, port: port)
        case .unix(let path): .unix(path: path)
        }
    }
}
