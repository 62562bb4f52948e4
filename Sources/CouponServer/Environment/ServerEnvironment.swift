/// What the server asks of the daemon around it.
public protocol ServerEnvironment: BackendFactory, DaemonState, DaemonEvents {}
