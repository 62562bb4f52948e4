/// The tests that share two daemons. Each file adds a suite.
import Testing

@Suite(.machine(.asking), .sharedWorld(), .timeLimit(.minutes(2))) struct DaemonTests {}
