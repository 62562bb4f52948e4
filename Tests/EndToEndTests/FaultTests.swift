import Testing

/// The suites that kill, stop and overload: one test at a time, since each needs the whole machine.
@Suite(.machine(.overloading), .serialized, .timeLimit(.minutes(2))) struct FaultTests {}
