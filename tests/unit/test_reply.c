#include "unit.h"

#include "bounds.h"
#include "err.h"
#include "wire/json.h"
#include "wire/reply.h"

static const struct {
	int e;
	const char *name;
	const char *message;
} list[] = {
#define ERR_ROW(symbol, name, message) {symbol, name, message},
	ERR_LIST(ERR_ROW)
#undef ERR_ROW
};
#define LIST_COUNT (sizeof(list) / sizeof(list[0]))

static void names_and_messages(void **state)
{
	(void)state;
	assert_int_equal(LIST_COUNT + 1, ERR_COUNT);
	for (size_t i = 0; i < LIST_COUNT; i++) {
		assert_int_equal(list[i].e, i + 1);
		assert_string_equal(err_name(list[i].e), list[i].name);
		assert_string_equal(err_name(-list[i].e), list[i].name);
		assert_string_equal(err_message(list[i].e), list[i].message);
		assert_string_equal(err_message(-list[i].e), list[i].message);
	}
	assert_string_equal(err_name(0), "ok");
	assert_string_equal(err_message(0), "ok");
}

static void unknown_errors_are_internal(void **state)
{
	static const int wrong[] = {ERR_COUNT, -ERR_COUNT, ERR_COUNT + 1, 1000,
				    -1000,     INT32_MAX,  INT32_MIN,     -INT32_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_string_equal(err_name(wrong[i]), "internal_error");
		assert_string_equal(err_message(wrong[i]), "internal error");
	}
}

static void names_are_stable_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < LIST_COUNT; i++) {
		const char *s = list[i].name;
		size_t n = strlen(s);

		assert_in_range(n, 3, 40);
		assert_int_equal(strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_"), n);
		assert_in_range(s[0], 'a', 'z');
		assert_int_not_equal(s[n - 1], '_');
		assert_null(strstr(s, "__"));
		for (size_t k = 0; k < i; k++) {
			assert_string_not_equal(s, list[k].name);
			assert_string_not_equal(list[i].message, list[k].message);
		}
	}
}

/* They are not escaped when they are written: so none may need it. */
static void messages_need_no_escape(void **state)
{
	(void)state;
	for (size_t i = 0; i < LIST_COUNT; i++) {
		assert_true(list[i].message[0] != '\0');
		for (const char *s = list[i].message; *s != '\0'; s++) {
			assert_in_range(*s, 0x20, 0x7e);
			assert_true(*s != '"' && *s != '\\');
		}
	}
}

static void line_is(const struct text *t, const char *want)
{
	assert_false(t->cut);
	assert_int_equal(t->len, strlen(want));
	assert_memory_equal(t->p, want, t->len);
}

static void ok_lines(void **state)
{
	char buf[256];
	struct text t = text_in(buf, sizeof(buf));

	(void)state;
	reply_ok(&t);
	reply_end(&t);
	line_is(&t, "{\"status\":\"ok\"}\n");
	t = text_in(buf, sizeof(buf));
	reply_ok(&t);
	reply_member(&t, "ek_public", (const uint8_t *)"fooba", 5);
	reply_member(&t, "ek_cert", NULL, 0);
	reply_member(&t, "aik_name", (const uint8_t *)"", 0);
	reply_end(&t);
	line_is(&t, "{\"status\":\"ok\",\"ek_public\":\"Zm9vYmE=\",\"ek_cert\":null,"
		    "\"aik_name\":\"\"}\n");
}

static void texts_are_escaped(void **state)
{
	char buf[256];
	struct text t = text_in(buf, sizeof(buf));

	(void)state;
	reply_ok(&t);
	reply_text(&t, "device", "/dev/\"a\\b\n");
	reply_text(&t, "ek", NULL);
	reply_end(&t);
	line_is(&t, "{\"status\":\"ok\",\"device\":\"/dev/\\\"a\\\\b\\u000a\",\"ek\":null}\n");
}

static void error_lines(void **state)
{
	char buf[512];
	struct text t = text_in(buf, sizeof(buf));

	(void)state;
	reply_error(&t, -ERR_COMMAND, "", NULL, 0);
	reply_end(&t);
	line_is(&t, "{\"status\":\"error\",\"message\":\"Unknown command\","
		    "\"error\":\"unknown_command\"}\n");
	t = text_in(buf, sizeof(buf));
	reply_error(&t, -ERR_FIELDS, "", "hmac", 0);
	reply_end(&t);
	line_is(&t, "{\"status\":\"error\",\"message\":\"Missing required fields\","
		    "\"error\":\"missing_fields\",\"field\":\"hmac\"}\n");
	t = text_in(buf, sizeof(buf));
	reply_error(&t, -ERR_REJECTED, "ActivateCredential failed: ", NULL, 0x1df);
	reply_end(&t);
	line_is(&t,
		"{\"status\":\"error\",\"message\":\"ActivateCredential failed: the TPM refused "
		"the credential: it was made for another EK or AIK, or is damaged\","
		"\"error\":\"credential_rejected\",\"tpm_rc\":\"0x1df\"}\n");
	t = text_in(buf, sizeof(buf));
	reply_error(&t, -ERR_TPM_VERSION, "", NULL, 9);
	reply_end(&t);
	line_is(&t,
		"{\"status\":\"error\",\"message\":\"the TPM is a TPM 1.2; a TPM 2.0 is needed\","
		"\"error\":\"tpm_version\",\"tpm_rc\":\"0x009\"}\n");
	t = text_in(buf, sizeof(buf));
	reply_error(&t, -ERR_BASE64, "", "enc", 0x80280400);
	reply_end(&t);
	line_is(&t, "{\"status\":\"error\",\"message\":\"The value is not base64\","
		    "\"error\":\"bad_base64\",\"field\":\"enc\",\"tpm_rc\":\"0x80280400\"}\n");
}

/* For every error, json.c accepts the reply and finds the right members. */
static void every_error_is_json(void **state)
{
	(void)state;
	for (size_t i = 0; i < LIST_COUNT; i++) {
		char buf[1024];
		struct text t = text_in(buf, sizeof(buf));
		struct json_object o;

		reply_error(&t, -list[i].e, "prefix: ", "field", 0x100);
		reply_end(&t);
		assert_false(t.cut);
		assert_true(t.len < 512);
		assert_int_equal(buf[t.len - 1], '\n');
		assert_int_equal(json_parse((const uint8_t *)buf, t.len, &o), 0);
		assert_int_equal(o.count, 5);
		assert_true(json_equal(o.members[0].key, "status"));
		assert_true(json_equal(o.members[0].value, "error"));
		assert_true(json_equal(o.members[2].key, "error"));
		assert_true(json_equal(o.members[2].value, list[i].name));
		assert_true(json_equal(o.members[4].value, "0x100"));
	}
}

/* bounds.h: a reply has room for all members at their longest. With less room, `cut` is set. */
static void largest_reply_fits_and_smaller_room_is_reported(void **state)
{
	static const uint8_t bytes[EK_CERT_MAX];
	static const char line[] = "{\"status\":\"error\",\"message\":\"The request is not a JSON "
				   "object\",\"error\":\"bad_json\"}\n";
	char *buf = malloc(TX_MAX);
	struct text t = text_in(buf, TX_MAX);
	size_t len = 0;

	(void)state;
	for (size_t cap = TX_MAX; cap > 0; cap -= 64) {
		t = text_in(buf, cap);
		reply_ok(&t);
		reply_member(&t, "ek_pub", bytes, SPKI_MAX);
		reply_member(&t, "ek_cert", bytes, EK_CERT_MAX);
		reply_member(&t, "ek_tpm", bytes, TPM_PUBLIC_MAX);
		reply_member(&t, "aik_tpm", bytes, TPM_PUBLIC_MAX);
		reply_member(&t, "aik_name", bytes, TPM_NAME_MAX);
		reply_end(&t);
		if (cap == TX_MAX) {
			assert_false(t.cut);
			len = t.len;
		}
		assert_int_equal(t.cut, cap < len);
	}
	for (size_t cap = 0; cap < 90; cap++) {
		char *small = malloc(cap);

		t = text_in(small, cap);
		reply_error(&t, -ERR_JSON, "", NULL, 0);
		reply_end(&t);
		assert_int_equal(t.cut, cap < strlen(line));
		if (!t.cut) {
			line_is(&t, line);
		}
		free(small);
	}
	free(buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_messages),
		cmocka_unit_test(unknown_errors_are_internal),
		cmocka_unit_test(names_are_stable_words),
		cmocka_unit_test(messages_need_no_escape),
		cmocka_unit_test(texts_are_escaped),
		cmocka_unit_test(ok_lines),
		cmocka_unit_test(error_lines),
		cmocka_unit_test(every_error_is_json),
		cmocka_unit_test(largest_reply_fits_and_smaller_room_is_reported),
	};

	return cmocka_run_group_tests_name("reply", tests, NULL, NULL);
}
