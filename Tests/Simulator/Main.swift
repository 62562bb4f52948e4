/// Plays many seeds and searches for a breach: `Simulator --seed S --runs N --workers W`. The same seed gives
/// the same play; the hash over all plays shows it.
import CouponCore
import Glibc

@main
struct Main {
    static func main() {
        // Otherwise sets and dictionaries would have another order in each process.
        guard unsafe getenv("SWIFT_DETERMINISTIC_HASHING") != nil else { return restart() }
        guard let options = Options(CommandLine.arguments.dropFirst()) else {
            print(Options.usage)
            exit(2)
        }
        let isSmall = options.workers == 1 && options.runs <= Crew.part
        exit(isSmall ? Runner(options).run() : Crew(options).run())
    }

    private static func restart() {
        unsafe setenv("SWIFT_DETERMINISTIC_HASHING", "1", 1)
        var arguments = unsafe CommandLine.arguments.map { unsafe strdup($0) }
        unsafe arguments.append(nil)
        _ = unsafe execv("/proc/self/exe", arguments)
        print("cannot start again with deterministic hashing")
        exit(2)
    }
}
