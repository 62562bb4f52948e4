/// When the kernel gives up a connection to Redis whose peer has vanished: after 11 s, even if it is idle.
enum KeepAlive {
    static let idleSeconds = 5
    static let intervalSeconds = 2
    static let probes = 3
}
