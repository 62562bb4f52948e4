/* A client of coupond in C, on libprotobuf-c: one connection, blocking calls.
 *
 * A client may be used from one thread at a time. It connects at the first call, and again after its
 * connection broke, was idle for 30 seconds, or belongs to the process that forked this one. A call resolves
 * the name with getaddrinfo(3), which may take longer than the deadline: give an address where that matters.
 * docs/PROTOCOL.md explains outcomes, errors and retries. */
#ifndef COUPOND_H
#define COUPOND_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of a request id that coupond_new_request_id makes. */
#define COUPOND_REQUEST_ID 16

typedef struct coupond_client coupond_client;

/* The numbers are those of the schema. */
typedef enum {
  COUPOND_ACCEPTED = 1,
  COUPOND_ISSUED = 2,
  COUPOND_DUPLICATE = 3,
  COUPOND_SOLD_OUT = 4,
  COUPOND_NOT_OPEN = 5,
  COUPOND_ENDED = 6,
  COUPOND_PAUSED = 7,
  COUPOND_CLOSED = 8,
  COUPOND_NOT_FOUND = 9,
  COUPOND_REJECTED = 10
} coupond_outcome;

typedef enum {
  COUPOND_USER_NONE = 0,
  COUPOND_USER_QUEUED = 1,
  COUPOND_USER_ISSUED = 2,
  COUPOND_USER_REJECTED = 3
} coupond_user_state;

/* What is known of an issue request that ended in an error. */
typedef enum {
  COUPOND_WAS_NOT_ACCEPTED = 0,
  COUPOND_WAS_ACCEPTED = 1,
  COUPOND_MAY_BE_ACCEPTED = 2
} coupond_acceptance;

typedef struct {
  coupond_outcome outcome;
  int64_t sequence;         /* with ACCEPTED, ISSUED, DUPLICATE and REJECTED */
  int64_t issued_at;        /* with ISSUED: microseconds since the Unix epoch */
  int64_t opens_at;         /* with NOT_OPEN: the same */
  coupond_user_state state; /* with DUPLICATE */
  int reason;               /* with REJECTED: a RejectionReason of the schema */
} coupond_answer;

typedef struct {
  int64_t accepted, queued; /* of the coupon: all accepted requests, and those that are not decided */
  coupond_user_state state; /* of the user */
  int64_t sequence;         /* unless the state is NONE */
  int64_t issued_at;        /* with ISSUED */
  int64_t ahead;            /* with QUEUED: requests of the coupon before this one */
  int reason;               /* with REJECTED */
} coupond_status;

/* Why a call has no answer. */
typedef struct {
  int code; /* as in gRPC; 14, UNAVAILABLE, if the connection broke or cannot be made */
  coupond_acceptance acceptance;
  int64_t sequence;         /* with COUPOND_WAS_ACCEPTED */
  uint32_t retry_after_ms;  /* 0 if trying again does not help, or if the time is not known */
  char message[256];        /* for people */
} coupond_error;

/* Makes a client; NULL if there is no memory. Names and ports are those of getaddrinfo(3). */
coupond_client *coupond_open(const char *host, const char *port);

/* Closes its connection and frees it. NULL is allowed. */
void coupond_close(coupond_client *client);

/* Makes a random request id of 16 bytes: make one for each request, before the first try.
 * Returns 0, or -1 with errno set. */
int coupond_new_request_id(uint8_t id[COUPOND_REQUEST_ID]);

/* Asks for a coupon for a user, and retries until there is an answer or the deadline passes: always with the
 * same request id, which makes retries safe. Both ids are positive.
 *   id          as many bytes as `length` says, at most 16
 *   wait        0 to be answered at acceptance, 1 to wait until the coupon is issued
 *   deadline_ms how long it may take in all
 * Returns 0 with *answer, or -1 with *error. */
int coupond_issue(coupond_client *client, int64_t coupon, int64_t user, const uint8_t *id, size_t length,
                  int wait, uint32_t deadline_ms, coupond_answer *answer, coupond_error *error);

/* Finds out what became of a request after coupond_issue ended with COUPOND_MAY_BE_ACCEPTED, or waits again
 * after COUPOND_WAS_ACCEPTED: asks the gate again with the same id. A request that was never accepted is
 * judged now. coupond_issue would not do: if the coupon is sold out, it may say so even to the user who
 * has it. */
int coupond_resolve(coupond_client *client, int64_t coupon, int64_t user, const uint8_t *id, size_t length,
                    int wait, uint32_t deadline_ms, coupond_answer *answer, coupond_error *error);

/* The status of a coupon and of a user; user 0 asks about no user.
 * Returns 0 with *status, or -1 with *error. */
int coupond_get_status(coupond_client *client, int64_t coupon, int64_t user, uint32_t deadline_ms,
                       coupond_status *status, coupond_error *error);

#ifdef __cplusplus
}
#endif
#endif
