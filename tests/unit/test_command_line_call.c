/* src/service/command_line.c: the request and the member of `attestd call`. */
#include "command_line_port.h"

/* The request has these words, which are separated by '|'. */
static void words_are(const char *words)
{
	char got[256] = "";

	for (size_t i = 0; i < o.word_count; i++) {
		strcat(strcat(got, i == 0 ? "" : "|"), o.words[i]);
	}
	assert_string_equal(got, words);
}

static void test_request(void **state)
{
	(void)state;
	ASSERT_OK("call|getEK");
	words_are("getEK");
	ASSERT_OK("call|{\"command\":\"getEK\"}|--socket=x");
	words_are("{\"command\":\"getEK\"}");
	assert_string_equal(socket_path, "x");
	ASSERT_OK("call|--socket|x|getEK");
	words_are("getEK");
	ASSERT_OK("call");
	words_are("");
	is_wrong("serve|getEK", "getEK");
	is_wrong("once|getEK", "getEK");
	is_wrong("getEK", "getEK");
	is_wrong("once|quote|nonce=x", "quote");
}

/* The value of "command", then NAME=VALUE for each other member. */
static void test_request_of_words(void **state)
{
	(void)state;
	ASSERT_OK("call|quote|nonce=AA==|pcrs=0-7|aik=rsa");
	words_are("quote|nonce=AA==|pcrs=0-7|aik=rsa");
	ASSERT_OK("call|--socket=x|quote|--member|quoted|a=|--socket|y|aa==");
	words_are("quote|a=|aa==");
	assert_string_equal(o.member, "quoted");
	assert_string_equal(socket_path, "y");
	ASSERT_OK("call|a=b|commands=c|Command=d|comman=e"); /* the first word has no NAME */
	words_are("a=b|commands=c|Command=d|comman=e");
	ASSERT_OK("call||a={");
	words_are("|a={");
	is_wrong("call|getEK|getEK2", "getEK2");
	is_wrong("call|getEK|", "");
	is_wrong("call|getEK|=", "=");
	is_wrong("call|getEK|=x", "=x");
	is_wrong("call|getEK|a=1|{\"b\":1}", "{\"b\":1}");
	is_wrong("call|getEK|a=1|b=2|a=3", "a=3");
	is_wrong("call|getEK|a=|a=", "a=");
	is_wrong("call|getEK|command=getEK", "command=getEK");
	is_wrong("call|getEK|command=", "command=");
	is_wrong("call|{\"command\":\"getEK\"}|a=1", "a=1");
	is_wrong("call|{|a=1", "a=1");
	is_wrong("call|getEK|a=1|-b=2", "-b=2");
}

/* The largest number of members that a request may have, and one more. */
static void test_too_many_words(void **state)
{
	static char words[MEMBERS_MAX + 1][8];
	char *argv[MEMBERS_MAX + 4] = {"attestd", "call"};
	int argc = 2;

	(void)state;
	for (int i = 0; i <= MEMBERS_MAX; i++) {
		snprintf(words[i], sizeof words[i], i == 0 ? "name" : "m%d=", i);
		argv[argc++] = words[i];
	}
	assert_int_equal(command_line_parse(argc, argv, &o, &wrong), -ERR_USAGE);
	assert_ptr_equal(wrong, words[MEMBERS_MAX]);
	argv[--argc] = NULL;
	assert_int_equal(command_line_parse(argc, argv, &o, &wrong), 0);
	assert_int_equal(o.word_count, MEMBERS_MAX);
	assert_ptr_equal(o.words[0], words[0]);
	assert_ptr_equal(o.words[MEMBERS_MAX - 1], words[MEMBERS_MAX - 1]);
}

static void test_member(void **state)
{
	(void)state;
	ASSERT_OK("call|--member|status|getEK");
	assert_string_equal(o.member, "status");
	ASSERT_OK("call|getEK|--member=a=b");
	assert_string_equal(o.member, "a=b");
	ASSERT_OK("call|--member=a|--member=b");
	assert_string_equal(o.member, "b");
	ASSERT_OK("call|--member|--member");
	assert_string_equal(o.member, "--member");
	is_wrong("call|--member", "--member");
	is_wrong("call|--member=", "--member=");
	is_wrong("call|--member|", "--member");
	is_wrong("call|--member=a\\b", "--member=a\\b");
	is_wrong("call|--member=\\", "--member=\\");
	is_wrong("serve|--member=a", "--member=a");
	is_wrong("once|--member=a", "--member=a");
	is_wrong("install|--member=a", "--member=a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_request_of_words),
		cmocka_unit_test(test_too_many_words),
		cmocka_unit_test(test_member),
	};

	return cmocka_run_group_tests_name("command_line: call", tests, NULL, NULL);
}
