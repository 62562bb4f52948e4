#include "coupond.h"
#include "coupond.pb-c.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
  PREFIX = 4,
  MAXIMUM_FRAME = 65536,
  /* How long the client waits past a deadline for the daemon's own answer, which says more. */
  GRACE_MS = 250,
  FIRST_PAUSE_MS = 50,
  LONGEST_PAUSE_MS = 2000,
  /* A connection that was idle for longer may be forgotten on its way, so it is not used again. */
  LONGEST_IDLE_MS = 30000,
  DEADLINE_EXCEEDED = 4,
  RESOURCE_EXHAUSTED = 8,
  INTERNAL = 13,
  UNAVAILABLE = 14
};

struct coupond_client {
  char *host, *port;
  int socket; /* -1: not connected */
  pid_t owner;
  int64_t used_at; /* 0: nothing was answered on this connection */
  uint64_t next_id;
  uint8_t frame[PREFIX + MAXIMUM_FRAME];
};

/* --- time ------------------------------------------------------------------------------------ */

static int64_t now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void pause_ms(int64_t milliseconds) {
  struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
  while (nanosleep(&time, &time) && errno == EINTR) continue;
}

/* A number from 0 to `most`, so that clients that failed together do not return together. */
static int64_t jittered(int64_t most) {
  uint32_t random = 0;
  if (getrandom(&random, sizeof random, 0) < 0) random = (uint32_t)now_ms();
  return random % (most + 1);
}

/* --- errors ---------------------------------------------------------------------------------- */

static int failed(coupond_error *error, int code, coupond_acceptance acceptance, const char *text) {
  memset(error, 0, sizeof *error);
  error->code = code;
  error->acceptance = acceptance;
  snprintf(error->message, sizeof error->message, "%s", text);
  return -1;
}

static void disconnect(coupond_client *client) {
  if (client->socket >= 0) close(client->socket);
  client->socket = -1;
}

/* The connection broke while a request was unanswered. */
static int broken(coupond_client *client, coupond_error *error, const char *text) {
  disconnect(client);
  return failed(error, UNAVAILABLE, COUPOND_MAY_BE_ACCEPTED, text);
}

/* --- the connection -------------------------------------------------------------------------- */

/* Waits for an event of poll(2). Returns 1 if it came, 0 at the deadline, -1 with errno set. */
static int wait_for(int socket, short event, int64_t deadline) {
  for (;;) {
    int64_t left = deadline - now_ms();
    struct pollfd polled = {socket, event, 0};
    int count = poll(&polled, 1, left > 0 ? (int)(left < INT32_MAX ? left : INT32_MAX) : 0);
    if (count >= 0 || errno != EINTR) return count;
  }
}

static int connect_to(const struct addrinfo *address, int64_t deadline) {
  int made = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (made < 0) return -1;
  int reason = 0;
  socklen_t size = sizeof reason;
  if (connect(made, address->ai_addr, address->ai_addrlen) && errno != EINPROGRESS) {
    reason = errno;
  } else if (wait_for(made, POLLOUT, deadline) != 1) {
    reason = ETIMEDOUT;
  } else if (getsockopt(made, SOL_SOCKET, SO_ERROR, &reason, &size)) {
    reason = errno;
  }
  if (reason) {
    close(made);
    errno = reason;
    return -1;
  }
  setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
  return made;
}

/* Two processes on one connection would read each other's answers. At rest, only an end can be read. */
static int is_usable(const coupond_client *client) {
  return client->socket >= 0 && client->owner == getpid() && now_ms() - client->used_at < LONGEST_IDLE_MS &&
         poll(&(struct pollfd){client->socket, POLLIN, 0}, 1, 0) == 0;
}

static int make_connection(coupond_client *client, int64_t deadline, coupond_error *error) {
  if (is_usable(client)) return 0;
  disconnect(client);
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
  int code = getaddrinfo(client->host, client->port, &hints, &list);
  if (code) return failed(error, UNAVAILABLE, COUPOND_WAS_NOT_ACCEPTED, gai_strerror(code));
  int left = 0;
  for (struct addrinfo *one = list; one; one = one->ai_next) left++;
  for (struct addrinfo *one = list; one && client->socket < 0; one = one->ai_next, left--) {
    /* An address that does not answer must leave time for the others. */
    client->socket = connect_to(one, now_ms() + (deadline - now_ms()) / left);
  }
  int reason = errno;
  freeaddrinfo(list);
  client->owner = getpid();
  client->used_at = 0;
  return client->socket >= 0 ? 0 : failed(error, UNAVAILABLE, COUPOND_WAS_NOT_ACCEPTED, strerror(reason));
}

/* Returns 0, or -1: then the connection cannot be used any more. */
static int write_all(coupond_client *client, size_t count, int64_t deadline) {
  size_t sent = 0;
  while (sent < count) {
    ssize_t some = send(client->socket, client->frame + sent, count - sent, MSG_NOSIGNAL);
    if (some > 0) {
      sent += (size_t)some;
    } else if (errno == EAGAIN) {
      if (wait_for(client->socket, POLLOUT, deadline) != 1) return -1;
    } else if (errno != EINTR) {
      return -1;
    }
  }
  return 0;
}

/* Returns 1, 0 at the deadline, or -1 if the connection is gone. */
static int read_all(coupond_client *client, uint8_t *bytes, size_t count, int64_t deadline) {
  size_t received = 0;
  while (received < count) {
    ssize_t some = recv(client->socket, bytes + received, count - received, 0);
    if (some > 0) {
      received += (size_t)some;
    } else if (some == 0) {
      return -1;
    } else if (errno == EAGAIN) {
      int ready = wait_for(client->socket, POLLIN, deadline);
      if (ready != 1) return ready;
    } else if (errno != EINTR) {
      return -1;
    }
  }
  return 1;
}

/* The next answer, to free with coupond__v1__response__free_unpacked; NULL with *error. */
static Coupond__V1__Response *read_answer(coupond_client *client, int64_t deadline, coupond_error *error) {
  uint8_t prefix[PREFIX];
  int got = read_all(client, prefix, PREFIX, deadline);
  uint32_t length = 0;
  if (got == 1) {
    length = (uint32_t)prefix[0] << 24 | (uint32_t)prefix[1] << 16 | (uint32_t)prefix[2] << 8 | prefix[3];
    if (length == 0 || length > MAXIMUM_FRAME) {
      broken(client, error, "the other side is not a coupond: its frame has an impossible length");
      return NULL;
    }
    got = read_all(client, client->frame, length, deadline);
  }
  if (got != 1) {
    /* A late answer would be taken for that of the next request, so the connection is given up. */
    broken(client, error, got ? "the connection broke before the answer" : "no answer came in time");
    if (!got) error->code = DEADLINE_EXCEEDED;
    return NULL;
  }
  Coupond__V1__Response *response = coupond__v1__response__unpack(NULL, length, client->frame);
  if (!response) broken(client, error, "the answer cannot be read");
  return response;
}

/* A code of a later version means INTERNAL. */
static int known_code(uint32_t code) {
  const uint32_t codes = 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 12 | 1 << 13 |
                         1 << 14 | 1 << 16;
  return code < 32 && codes >> code & 1 ? (int)code : INTERNAL;
}

static void read_error(const Coupond__V1__Error *from, coupond_error *error) {
  failed(error, known_code(from->code), COUPOND_MAY_BE_ACCEPTED, "");
  int acceptance = (int)from->acceptance;
  if (acceptance >= 0 && acceptance < COUPOND_MAY_BE_ACCEPTED) {
    error->acceptance = (coupond_acceptance)acceptance;
  }
  error->sequence = from->sequence;
  error->retry_after_ms = from->retry_after_ms;
  size_t length = from->message.len < sizeof error->message ? from->message.len : sizeof error->message - 1;
  if (length) memcpy(error->message, from->message.data, length);
  error->message[length] = 0;
}

/* Sends a request and reads its answer, on the connection of the client. */
static Coupond__V1__Response *call(coupond_client *client, Coupond__V1__Request *request, int64_t deadline,
                                   coupond_error *error) {
  if (make_connection(client, deadline, error)) return NULL;
  int64_t left = deadline - now_ms();
  request->id = client->next_id++;
  request->deadline_ms = left > 1 ? (uint32_t)left : 1;
  size_t size = coupond__v1__request__pack(request, client->frame + PREFIX);
  memcpy(client->frame, &(uint32_t){htonl((uint32_t)size)}, PREFIX);
  /* If the daemon has closed, its reason may still be there to read. */
  int is_first = !client->used_at, sent = write_all(client, PREFIX + size, deadline);
  Coupond__V1__Response *response = read_answer(client, deadline + GRACE_MS, error);
  client->used_at = now_ms();
  if (!response) return NULL;
  if (response->result_case == COUPOND__V1__RESPONSE__RESULT_ERROR) {
    read_error(response->error, error);
    /* With id 0 an error is about the connection. Only "too many", if said first, means: nothing was read. */
    if (response->id == 0) {
      if (error->code != RESOURCE_EXHAUSTED || !is_first) error->acceptance = COUPOND_MAY_BE_ACCEPTED;
      disconnect(client);
    }
  } else if (sent || response->id != request->id) {
    broken(client, error, "the answer is for another request");
  } else {
    return response;
  }
  coupond__v1__response__free_unpacked(response, NULL);
  return NULL;
}

/* --- answers --------------------------------------------------------------------------------- */

/* The answer has a word of a later version, or lacks a word: then nothing is known of the request. */
static int unknown_word(coupond_error *error, const char *field, int value) {
  char text[sizeof error->message];
  snprintf(text, sizeof text, "%s: not known here, got %d", field, value);
  return failed(error, INTERNAL, COUPOND_MAY_BE_ACCEPTED, text);
}

static int is_known_state(int state) { return state >= COUPOND_USER_NONE && state <= COUPOND_USER_REJECTED; }

static int is_known_reason(int reason) {
  return reason >= COUPOND__V1__REJECTION_REASON__REJECTION_REASON_SOLD_OUT &&
         reason <= COUPOND__V1__REJECTION_REASON__REJECTION_REASON_DISCARDED;
}

static int read_issue(const Coupond__V1__IssueResponse *from, coupond_answer *answer, coupond_error *error) {
  int outcome = (int)from->outcome;
  if (outcome < COUPOND_ACCEPTED || outcome > COUPOND_REJECTED)
    return unknown_word(error, "issue.outcome", outcome);
  if (outcome == COUPOND_DUPLICATE && !is_known_state((int)from->state))
    return unknown_word(error, "issue.state", (int)from->state);
  if (outcome == COUPOND_REJECTED && !is_known_reason((int)from->reason))
    return unknown_word(error, "issue.reason", (int)from->reason);
  *answer = (coupond_answer){
      .outcome = (coupond_outcome)outcome, .sequence = from->sequence, .issued_at = from->issued_at,
      .opens_at = from->opens_at, .state = (coupond_user_state)from->state, .reason = (int)from->reason};
  return 0;
}

static int read_status(const Coupond__V1__CouponStatusResponse *from, coupond_status *status,
                       coupond_error *error) {
  int state = (int)from->user_state;
  if (!from->coupon) return failed(error, INTERNAL, COUPOND_MAY_BE_ACCEPTED, "coupon_status.coupon: missing");
  if (!is_known_state(state)) return unknown_word(error, "coupon_status.user_state", state);
  if (state == COUPOND_USER_REJECTED && !is_known_reason((int)from->reason))
    return unknown_word(error, "coupon_status.reason", (int)from->reason);
  *status = (coupond_status){
      .accepted = from->accepted, .queued = from->queued, .state = (coupond_user_state)state,
      .sequence = from->sequence, .issued_at = from->issued_at, .ahead = from->ahead,
      .reason = (int)from->reason};
  return 0;
}

/* --- calls ----------------------------------------------------------------------------------- */

coupond_client *coupond_open(const char *host, const char *port) {
  coupond_client *client = calloc(1, sizeof *client);
  if (!client) return NULL;
  client->socket = -1;
  client->next_id = 1;
  client->host = strdup(host);
  client->port = strdup(port);
  if (client->host && client->port) return client;
  coupond_close(client);
  return NULL;
}

void coupond_close(coupond_client *client) {
  if (!client) return;
  disconnect(client);
  free(client->host);
  free(client->port);
  free(client);
}

int coupond_new_request_id(uint8_t id[COUPOND_REQUEST_ID]) {
  return getrandom(id, COUPOND_REQUEST_ID, 0) == COUPOND_REQUEST_ID ? 0 : -1;
}

static int unexpected(coupond_client *client, Coupond__V1__Response *response, coupond_error *error) {
  coupond__v1__response__free_unpacked(response, NULL);
  disconnect(client);
  return failed(error, INTERNAL, COUPOND_MAY_BE_ACCEPTED, "the answer is of another method");
}

static int issue_once(coupond_client *client, Coupond__V1__Request *request, int64_t deadline,
                      coupond_answer *answer, coupond_error *error) {
  Coupond__V1__Response *response = call(client, request, deadline, error);
  if (!response) return -1;
  if (response->result_case != COUPOND__V1__RESPONSE__RESULT_ISSUE) {
    return unexpected(client, response, error);
  }
  int refused = read_issue(response->issue, answer, error);
  coupond__v1__response__free_unpacked(response, NULL);
  return refused;
}

/* Whether another try with the same request id may have an answer. */
static int is_worth_a_retry(const coupond_error *error) {
  return error->code == UNAVAILABLE || error->code == DEADLINE_EXCEEDED ||
         (error->code == RESOURCE_EXHAUSTED && error->retry_after_ms > 0);
}

/* Sends a request until it has an answer. `attempt` is how often it may have been sent before. */
static int settle(coupond_client *client, int64_t coupon, int64_t user, const uint8_t *id, size_t length,
                  int wait, uint32_t attempt, uint32_t deadline_ms, coupond_answer *answer,
                  coupond_error *error) {
  int64_t deadline = now_ms() + deadline_ms, pause = FIRST_PAUSE_MS;
  Coupond__V1__Request request = COUPOND__V1__REQUEST__INIT;
  Coupond__V1__IssueRequest issue = COUPOND__V1__ISSUE_REQUEST__INIT;
  if (length > COUPOND_REQUEST_ID) {
    return failed(error, 3, COUPOND_WAS_NOT_ACCEPTED, "issue.request_id: must have at most 16 bytes");
  }
  issue.coupon_id = coupon;
  issue.user_id = user;
  issue.request_id = (ProtobufCBinaryData){length, (uint8_t *)id};
  issue.wait_for = wait ? COUPOND__V1__WAIT_FOR__WAIT_FOR_ISSUED : COUPOND__V1__WAIT_FOR__WAIT_FOR_ACCEPTED;
  request.method_case = COUPOND__V1__REQUEST__METHOD_ISSUE;
  request.issue = &issue;
  /* "Not accepted" speaks of its own try only: what earlier tries have shown stays. */
  coupond_error known = {.acceptance = attempt ? COUPOND_MAY_BE_ACCEPTED : COUPOND_WAS_NOT_ACCEPTED};
  for (issue.attempt = attempt;; issue.attempt++) {
    if (!issue_once(client, &request, deadline, answer, error)) return 0;
    int is_news = error->acceptance == COUPOND_WAS_ACCEPTED || known.acceptance == COUPOND_WAS_NOT_ACCEPTED;
    if (is_news) known = *error;
    error->acceptance = known.acceptance;
    error->sequence = known.sequence;
    int64_t wanted = error->retry_after_ms + jittered(pause);
    if (!is_worth_a_retry(error) || now_ms() + wanted >= deadline) return -1;
    pause_ms(wanted);
    pause = pause * 2 < LONGEST_PAUSE_MS ? pause * 2 : LONGEST_PAUSE_MS;
  }
}

int coupond_issue(coupond_client *client, int64_t coupon, int64_t user, const uint8_t *id, size_t length,
                  int wait, uint32_t deadline_ms, coupond_answer *answer, coupond_error *error) {
  return settle(client, coupon, user, id, length, wait, 0, deadline_ms, answer, error);
}

int coupond_resolve(coupond_client *client, int64_t coupon, int64_t user, const uint8_t *id, size_t length,
                    int wait, uint32_t deadline_ms, coupond_answer *answer, coupond_error *error) {
  return settle(client, coupon, user, id, length, wait, 1, deadline_ms, answer, error);
}

int coupond_get_status(coupond_client *client, int64_t coupon, int64_t user, uint32_t deadline_ms,
                       coupond_status *status, coupond_error *error) {
  Coupond__V1__Request request = COUPOND__V1__REQUEST__INIT;
  Coupond__V1__CouponStatusRequest ask = COUPOND__V1__COUPON_STATUS_REQUEST__INIT;
  ask.coupon_id = coupon;
  ask.user_id = user;
  request.method_case = COUPOND__V1__REQUEST__METHOD_COUPON_STATUS;
  request.coupon_status = &ask;
  Coupond__V1__Response *response = call(client, &request, now_ms() + deadline_ms, error);
  if (!response) return -1;
  if (response->result_case != COUPOND__V1__RESPONSE__RESULT_COUPON_STATUS) {
    return unexpected(client, response, error);
  }
  int refused = read_status(response->coupon_status, status, error);
  coupond__v1__response__free_unpacked(response, NULL);
  return refused;
}
