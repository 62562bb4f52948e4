/* Issues a coupon to a user, and prints what became of it:
 *
 *     example HOST PORT COUPON USER */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "coupond.h"

int main(int count, char **words) {
  if (count != 5) {
    fprintf(stderr, "usage: %s HOST PORT COUPON USER\n", words[0]);
    return 64;
  }
  int64_t coupon = strtoll(words[3], NULL, 10), user = strtoll(words[4], NULL, 10);
  uint8_t id[COUPOND_REQUEST_ID];
  coupond_client *client = coupond_open(words[1], words[2]);
  if (!client || coupond_new_request_id(id)) {
    perror("example");
    return 70;
  }
  coupond_answer answer;
  coupond_status status;
  coupond_error error;
  int failed = coupond_issue(client, coupon, user, id, sizeof id, 1, 2000, &answer, &error);
  if (failed) {
    const char *words_of[] = {"not accepted", "accepted", "unknown"};
    printf("%s: error %d: %s\n", words_of[error.acceptance], error.code, error.message);
  } else {
    printf("outcome %d, sequence %" PRId64 "\n", answer.outcome, answer.sequence);
    if (!coupond_get_status(client, coupon, user, 2000, &status, &error)) {
      printf("the user's state %d, accepted %" PRId64 "\n", status.state, status.accepted);
    }
  }
  coupond_close(client);
  return failed ? 1 : 0;
}
