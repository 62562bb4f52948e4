import Testing

/// The suites that kill and stop daemons and servers.
@Suite(.timeLimit(.minutes(5))) struct FaultTests {}
