/// The client in C, built and installed as its README says, against a daemon.
import CouponClient
import CouponCore
import CouponWire
import Foundation
import Synchronization
import TestSupport
import TestWorld
import Testing

extension DaemonTests {
    @Suite struct CClientTests {
        private let folder: TemporaryFolder

        init() async throws {
            folder = try TemporaryFolder()
            let made = try await run(
                "make -C \(repositoryRoot)/Clients/c BUILD=$F/build PREFIX=$F/usr install")
            #expect(made.end == .code(0), "\(made.text)")
        }

        private func run(_ line: String) async throws -> CommandRun {
            try await CommandRun(
                "/bin/bash", ["-c", line],
                environment: ["F": folder.path, "PATH": "/usr/bin:/bin"])
        }

        /// Under valgrind: exit code 99 is a memory error.
        private func example(_ words: String...) async throws -> CommandRun {
            try await run(
                "valgrind -q --leak-check=full --error-exitcode=99 $F/build/example "
                    + words.joined(separator: " "))
        }

        private func run(program: String) async throws -> CommandRun {
            _ = try folder.write(program, to: "program.c")
            return try await run(
                "export PKG_CONFIG_PATH=$F/usr/lib/pkgconfig; "
                    + "gcc -Wall -Werror $F/program.c $(pkg-config --cflags --libs coupond) "
                    + "-o $F/program && $F/program")
        }

        @Test func `the example issues a coupon and reads the status, without memory errors`()
            async throws
        {
            let daemon = try SharedWorld.current.one
            let coupon = try await daemon.offer(total: 1).rawValue
            let (port, address) = ("\(daemon.port)", "127.0.0.1")
            let first = try await example(address, port, "\(coupon)", "1")
            #expect(first.end == .code(0), "\(first.text)")
            #expect(
                first.text.contains("outcome 2, sequence 1\nthe user's state 2, accepted 1"),
                "\(first.text)")
            let late = try await example(address, port, "\(coupon)", "2")
            #expect(late.end == .code(0) && late.text.contains("outcome 4,"), "\(late.text)")
            let wrong = try await example(address, port, "\(coupon)", "0")
            #expect(
                wrong.end == .code(1)
                    && wrong.text.contains("not accepted: error 3: issue.user_id: must be positive"),
                "\(wrong.text)")
        }

        @Test func `the client reads the test vectors as they say, without memory errors`()
            async throws
        {
            let made = try await run("make -C \(repositoryRoot)/Clients/c BUILD=$F/build vectors")
            #expect(made.end == .code(0), "\(made.text)")
            let lines = try vectorLines("request") + vectorLines("response")
            #expect(lines.count >= 150)
            _ = try folder.write(lines.joined(separator: "\n") + "\n", to: "vectors")
            let read = try await run(
                "valgrind -q --leak-check=full --error-exitcode=99 $F/build/vectors < $F/vectors")
            #expect(
                read.end == .code(0) && read.text.contains("\(lines.count) right"), "\(read.text)")
        }

        @Test func `without a daemon nothing is accepted`() async throws {
            let away = try await example("127.0.0.1", "\(try freePort())", "1", "1")
            #expect(
                away.end == .code(1) && away.text.contains("not accepted: error 14"),
                "\(away.text)")
        }

        @Test func `a connection above the limit is refused, and nothing is accepted`()
            async throws
        {
            let world = try await World()
            // The test's own client has the only place.
            let daemon = try await world.daemon(["--max-connections", "1"])
            let refused = try await example("127.0.0.1", "\(daemon.port)", "1", "1")
            #expect(
                refused.end == .code(1)
                    && refused.text.contains("not accepted: error 8: too many connections"),
                "\(refused.text)")
            #expect(try await daemon.client.health() == nil)
        }

        @Test func `a retry after a broken connection gets the same answer`() async throws {
            let daemon = try SharedWorld.current.one
            let coupon = try await daemon.offer(total: 5).rawValue
            let program = """
                #include <coupond.h>
                #include <stdio.h>
                #include <string.h>
                #include <sys/socket.h>
                #include <unistd.h>
                int main(void) {
                  coupond_client *client = coupond_open("127.0.0.1", "\(daemon.port)");
                  uint8_t id[COUPOND_REQUEST_ID];
                  coupond_answer first, second;
                  coupond_error error;
                  if (!client || coupond_new_request_id(id)) return 1;
                  if (coupond_issue(client, \(coupon), 7, id, 16, 0, 20000, &first, &error)) return 2;
                  for (int socket = 3; socket < 20; socket++) shutdown(socket, SHUT_RDWR);
                  if (coupond_issue(client, \(coupon), 7, id, 16, 0, 20000, &second, &error)) return 3;
                  coupond_close(client);
                  return first.outcome == COUPOND_ACCEPTED && second.sequence == first.sequence ? 0 : 4;
                }
                """
            let ran = try await run(program: program)
            #expect(ran.end == .code(0), "\(ran.end) \(ran.text)")
        }

        @Test func `a request of unknown fate is resolved, even when the coupon is sold out`()
            async throws
        {
            let daemon = try SharedWorld.current.one
            let coupon = try await daemon.offer(total: 1)
            let request = try #require(RequestID(Array("abc".utf8)))
            _ = try await daemon.ask(coupon, 7, request, waitFor: .issued)
            try await eventually("the daemon refuses without asking the gate") {
                try await daemon.ask(coupon, 7, request) == .soldOut
            }
            let away = try freePort()
            let program = """
                #include <coupond.h>
                #include <inttypes.h>
                #include <stdio.h>
                int main(void) {
                  const char *ports[] = {"\(daemon.port)", "\(away)"};
                  coupond_answer answer;
                  coupond_error error;
                  for (int i = 0; i < 2; i++) {
                    coupond_client *client = coupond_open("127.0.0.1", ports[i]);
                    if (coupond_resolve(
                            client, \(coupon.rawValue), 7, (uint8_t *)"abc", 3, 1, 5000, &answer, &error))
                      printf("%d\\n", error.acceptance == COUPOND_MAY_BE_ACCEPTED);
                    else
                      printf("%d %" PRId64 ", ", answer.outcome, answer.sequence);
                    coupond_close(client);
                  }
                }
                """
            let ran = try await run(program: program)
            #expect(ran.end == .code(0) && ran.text == "2 1, 1", "\(ran.end) \(ran.text)")
        }

        /// The second try is refused, or breaks.
        @Test(arguments: [
            CannedDaemon.Reply.answer(.failure(Failure(.permissionDenied, "no"))), .hangUp,
        ])
        func `a known acceptance is kept, whatever a later try says`(later: CannedDaemon.Reply)
            async throws
        {
            let accepted = Failure(.unavailable, "away", acceptance: .accepted(sequence: 7))
            let tries = Atomic(0)
            let daemon = try await CannedDaemon.start { _ in
                tries.add(1, ordering: .relaxed).newValue == 1 ? .answer(.failure(accepted)) : later
            }
            let program = """
                #include <coupond.h>
                #include <inttypes.h>
                #include <stdio.h>
                int main(void) {
                  coupond_client *client = coupond_open("127.0.0.1", "\(daemon.address.port)");
                  coupond_answer answer;
                  coupond_error error;
                  int end = coupond_issue(client, 1, 7, (uint8_t *)"r", 1, 0, 5000, &answer, &error);
                  coupond_close(client);
                  printf("%d %d %" PRId64, end, error.acceptance == COUPOND_WAS_ACCEPTED, error.sequence);
                }
                """
            let ran = try await run(program: program)
            #expect(ran.end == .code(0) && ran.text == "-1 1 7", "\(ran.end) \(ran.text)")
            try await daemon.stop()
        }

        /// A reload may allow fewer connections than there are.
        @Test func `a connection that becomes one too many leaves its request unknown`()
            async throws
        {
            let refusal = Failure.exhausted("too many connections of this principal")
            let tries = Atomic(0)
            let daemon = try await CannedDaemon.start { _ in
                tries.add(1, ordering: .relaxed).newValue == 1
                    ? .answer(.issue(.accepted(sequence: 1))) : .notice(.failure(refusal))
            }
            let program = """
                #include <coupond.h>
                #include <stdio.h>
                int main(void) {
                  coupond_client *client = coupond_open("127.0.0.1", "\(daemon.address.port)");
                  coupond_answer answer;
                  coupond_error error;
                  int first = coupond_issue(client, 1, 7, (uint8_t *)"r", 1, 0, 5000, &answer, &error);
                  int second = coupond_issue(client, 1, 8, (uint8_t *)"s", 1, 0, 5000, &answer, &error);
                  coupond_close(client);
                  printf("%d %d %d", first, second, error.acceptance == COUPOND_MAY_BE_ACCEPTED);
                }
                """
            let ran = try await run(program: program)
            #expect(ran.end == .code(0) && ran.text == "0 -1 1", "\(ran.end) \(ran.text)")
            try await daemon.stop()
        }

        @Test func `a connection that the daemon has closed costs no call an error`() async throws {
            let daemon = try SharedWorld.current.one
            let coupon = try await daemon.offer(total: 5).rawValue
            let built = try await run(
                program:
                    """
                    #include <coupond.h>
                    #include <stdio.h>
                    #include <sys/socket.h>
                    int main(void) {
                      coupond_client *client = coupond_open("127.0.0.1", "\(daemon.port)");
                      coupond_status status;
                      coupond_error error;
                      for (int call = 0; call < 3; call++) {
                        if (coupond_get_status(client, \(coupon), 7, 20000, &status, &error)) {
                          printf("%s\\n", error.message);
                          return 2;
                        }
                        for (int socket = 3; socket < 20; socket++) shutdown(socket, SHUT_RDWR);
                      }
                      coupond_close(client);
                      return 0;
                    }
                    """)
            #expect(built.end == .code(0), "\(built.end) \(built.text)")
        }

        @Test func `a client on both sides of a fork gets its own answers`() async throws {
            let daemon = try SharedWorld.current.one
            let coupon = try await daemon.offer(total: 5_000).rawValue
            let built = try await run(
                program:
                    """
                    #include <coupond.h>
                    #include <stdio.h>
                    #include <sys/wait.h>
                    #include <unistd.h>
                    static int ask(coupond_client *client, int64_t user, int64_t *sequence) {
                      uint8_t id[COUPOND_REQUEST_ID];
                      coupond_answer answer;
                      coupond_error error;
                      if (coupond_new_request_id(id)) return -1;
                      if (coupond_issue(client, \(coupon), user, id, 16, 0, 9000, &answer, &error)) return -1;
                      *sequence = answer.sequence;
                      return answer.outcome == COUPOND_ACCEPTED ? 0 : -1;
                    }
                    int main(void) {
                      coupond_client *client = coupond_open("127.0.0.1", "\(daemon.port)");
                      static int64_t sequences[1000];
                      if (ask(client, 5000, &sequences[0])) return 2;
                      pid_t child = fork();
                      int64_t first = child ? 1 : 2001;
                      for (int i = 0; i < 1000; i++) {
                        if (ask(client, first + i, &sequences[i])) _exit(3);
                        if (i && sequences[i] <= sequences[i - 1]) _exit(4);
                      }
                      for (int i = 0; i < 1000; i++) {
                        coupond_status status;
                        coupond_error error;
                        if (coupond_get_status(client, \(coupon), first + i, 9000, &status, &error)) _exit(5);
                        if (status.sequence != sequences[i]) _exit(6);
                      }
                      if (!child) _exit(0);
                      int ended;
                      if (waitpid(child, &ended, 0) != child) return 7;
                      coupond_close(client);
                      return WIFEXITED(ended) ? WEXITSTATUS(ended) : 8;
                    }
                    """)
            #expect(built.end == .code(0), "\(built.end) \(built.text)")
        }

        @Test func `a silent address of a name does not take the time of the next address`()
            async throws
        {
            let daemon = try SharedWorld.current.one
            let coupon = try await daemon.offer(total: 5).rawValue
            // Where localhost has one address, this proves nothing.
            let built = try await run(
                program:
                    """
                    #include <arpa/inet.h>
                    #include <coupond.h>
                    #include <stdio.h>
                    #include <sys/socket.h>
                    /* The queue of a listener that accepts nothing fills up: then nobody answers. */
                    static void fill(void) {
                      struct sockaddr_in6 address = {.sin6_family = AF_INET6};
                      address.sin6_port = htons(\(daemon.port));
                      address.sin6_addr = in6addr_loopback;
                      int listener = socket(AF_INET6, SOCK_STREAM, 0);
                      if (bind(listener, (struct sockaddr *)&address, sizeof address)) return;
                      if (listen(listener, 0)) return;
                      for (int i = 0; i < 4; i++) {
                        int one = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
                        connect(one, (struct sockaddr *)&address, sizeof address);
                      }
                    }
                    int main(void) {
                      fill();
                      coupond_client *client = coupond_open("localhost", "\(daemon.port)");
                      coupond_status status;
                      coupond_error error;
                      int failed = coupond_get_status(client, \(coupon), 7, 20000, &status, &error);
                      if (failed) printf("%s\\n", error.message);
                      coupond_close(client);
                      return failed ? 2 : 0;
                    }
                    """)
            #expect(built.end == .code(0), "\(built.end) \(built.text)")
        }
    }
}

private struct Vector: Decodable {
    struct Refusal: Decodable { let text: String }

    let name: String
    let bytes: String
    let meaning: String?
    let error: Refusal?
}

/// The vectors as Clients/c/tests/vectors.c reads them, without those that only the daemon or another client
/// refuses.
private func vectorLines(_ kind: String) throws -> [String] {
    let file = URL(filePath: repositoryRoot + "/Tests/Vectors/\(kind)s.json")
    let vectors = try JSONDecoder().decode([Vector].self, from: Data(contentsOf: file))
    return vectors.compactMap { vector in
        let bytes = vector.bytes.isEmpty ? "-" : vector.bytes
        guard let text = vector.error?.text else {
            // The daemon sets the default of a limit, and says what a trace means: the client does neither.
            let isOfDaemon =
                vector.name.hasSuffix(" without a limit")
                || vector.name.hasPrefix("health with a trace ")
            return "\(kind) \(bytes) \(isOfDaemon ? bytes : vector.meaning ?? "")"
        }
        if text == "frame: is not a protobuf message" { return "no-\(kind) \(bytes) -" }
        let isRead = text.hasPrefix("issue.") || text.hasPrefix("coupon_status.")
        return kind == "response" && isRead ? "refused-response \(bytes) \(text)" : nil
    }
}
