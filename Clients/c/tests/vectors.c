/* Reads test vectors with the client's own code. Lines of standard input:
 *
 *     request BYTES MEANING       both in hexadecimal, - for none: BYTES mean MEANING
 *     response BYTES MEANING
 *     no-request BYTES -          BYTES are no message
 *     no-response BYTES -
 *     refused-response BYTES TEXT the client refuses BYTES, and says TEXT
 *
 * Prints each line that is wrong, then how many were right. */
#include "coupond.c"

#include <ctype.h>

enum { LONGEST = 1 << 20 };

static uint8_t bytes[LONGEST], meaning[LONGEST], packed[LONGEST];
static char line[4 * LONGEST];

static size_t from_hex(const char *text, uint8_t *to) {
  size_t count = 0;
  unsigned value;
  while (isxdigit((unsigned char)text[2 * count]) && sscanf(text + 2 * count, "%2x", &value) == 1) {
    to[count++] = (uint8_t)value;
  }
  return count;
}

static void drop_unknown_fields(ProtobufCMessage *message);

static void drop_in(const ProtobufCFieldDescriptor *field, ProtobufCMessage *message) {
  const uint8_t *base = (const uint8_t *)message;
  if (field->type != PROTOBUF_C_TYPE_MESSAGE) return;
  if (field->label == PROTOBUF_C_LABEL_REPEATED) {
    size_t count = *(const size_t *)(base + field->quantifier_offset);
    ProtobufCMessage **all = *(ProtobufCMessage ***)(base + field->offset);
    for (size_t index = 0; index < count; index++) drop_unknown_fields(all[index]);
    return;
  }
  int is_chosen = !(field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) ||
                  *(const uint32_t *)(base + field->quantifier_offset) == field->id;
  ProtobufCMessage *inner = *(ProtobufCMessage **)(base + field->offset);
  if (is_chosen && inner) drop_unknown_fields(inner);
}

/* libprotobuf-c would write unknown fields again. */
static void drop_unknown_fields(ProtobufCMessage *message) {
  for (unsigned index = 0; index < message->n_unknown_fields; index++) free(message->unknown_fields[index].data);
  free(message->unknown_fields);
  message->n_unknown_fields = 0;
  message->unknown_fields = NULL;
  const ProtobufCMessageDescriptor *kind = message->descriptor;
  for (unsigned index = 0; index < kind->n_fields; index++) drop_in(&kind->fields[index], message);
}

static int means(const ProtobufCMessageDescriptor *kind, size_t count, size_t meant) {
  ProtobufCMessage *message = protobuf_c_message_unpack(kind, NULL, count, bytes);
  if (!message) return 0;
  drop_unknown_fields(message);
  size_t size = protobuf_c_message_pack(message, packed);
  protobuf_c_message_free_unpacked(message, NULL);
  return size == meant && !memcmp(packed, meaning, size);
}

/* What the client makes of a response, into zeroed memory. Returns 0, or -1 with *error. */
static int understand(size_t count, const uint8_t *from, coupond_answer *answer, coupond_status *status,
                      coupond_error *error) {
  Coupond__V1__Response *response = coupond__v1__response__unpack(NULL, count, from);
  int failure = 0;
  if (!response) return -1;
  if (response->result_case == COUPOND__V1__RESPONSE__RESULT_ISSUE) {
    failure = read_issue(response->issue, answer, error);
  } else if (response->result_case == COUPOND__V1__RESPONSE__RESULT_COUPON_STATUS) {
    failure = read_status(response->coupon_status, status, error);
  } else if (response->result_case == COUPOND__V1__RESPONSE__RESULT_ERROR) {
    read_error(response->error, error);
  }
  coupond__v1__response__free_unpacked(response, NULL);
  return failure;
}

static int is_understood(size_t count, size_t meant) {
  struct {
    coupond_answer answer;
    coupond_status status;
    coupond_error error;
  } one, other;
  memset(&one, 0, sizeof one);
  memset(&other, 0, sizeof other);
  return !understand(count, bytes, &one.answer, &one.status, &one.error) &&
         !understand(meant, meaning, &other.answer, &other.status, &other.error) &&
         !memcmp(&one, &other, sizeof one);
}

/* The codes are not compared: the client changes unknown ones, the official library keeps them. */
static int is_error(size_t count) {
  Coupond__V1__Response *response = coupond__v1__response__unpack(NULL, count, bytes);
  int found = response && response->result_case == COUPOND__V1__RESPONSE__RESULT_ERROR;
  if (response) coupond__v1__response__free_unpacked(response, NULL);
  return found;
}

static int is_right(const char *kind, const char *rest) {
  size_t count = from_hex(rest, bytes);
  const char *last = strchr(rest, ' ') + 1;
  size_t meant = from_hex(last, meaning);
  coupond_answer answer;
  coupond_status status;
  coupond_error error;
  if (!strcmp(kind, "request")) return means(&coupond__v1__request__descriptor, count, meant);
  if (!strcmp(kind, "response")) {
    return is_understood(count, meant) &&
           (is_error(count) || means(&coupond__v1__response__descriptor, count, meant));
  }
  if (!strcmp(kind, "no-request")) return !coupond__v1__request__unpack(NULL, count, bytes);
  if (!strcmp(kind, "no-response")) return !coupond__v1__response__unpack(NULL, count, bytes);
  return understand(count, bytes, &answer, &status, &error) == -1 && !strcmp(error.message, last);
}

int main(void) {
  int right = 0, wrong = 0;
  while (fgets(line, sizeof line, stdin)) {
    line[strcspn(line, "\n")] = 0;
    char kind[32];
    int length = 0;
    if (sscanf(line, "%31s %n", kind, &length) == 1 && is_right(kind, line + length)) {
      right++;
    } else {
      wrong++;
      printf("wrong: %s\n", line);
    }
  }
  printf("%d right\n", right);
  return wrong ? 1 : 0;
}
