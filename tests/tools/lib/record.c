/*
 * The record of commands. It grows as needed.
 */
#include "record.h"

#include <stdbool.h>
#include <stdlib.h>

struct entry {
	unsigned session;
	uint32_t cc, rc;
	double ms;
};

static struct entry *entries;
static size_t count, room;
static FILE *log_file, *trace_file;

void record_to(FILE *log)
{
	log_file = log;
}

void trace_to(FILE *trace)
{
	trace_file = trace;
}

void trace(char direction, const uint8_t *p, size_t n)
{
	if (trace_file == NULL)
		return;
	fprintf(trace_file, "%c ", direction);
	for (size_t i = 0; i < n; i++)
		fprintf(trace_file, "%02x", p[i]);
	fprintf(trace_file, "\n");
	fflush(trace_file);
}

void record_reset(void)
{
	count = 0;
}

void record_add(unsigned session, uint32_t cc, uint32_t rc, double ms)
{
	if (log_file != NULL) {
		fprintf(log_file, "session %u cc 0x%03x rc 0x%03x %.3f ms\n", session, cc, rc, ms);
		fflush(log_file);
	}
	if (count == room) {
		size_t more = room == 0 ? 256 : room * 2;
		struct entry *p = realloc(entries, more * sizeof *p);

		if (p == NULL) {
			perror("swtpm-run: record");
			exit(125);
		}
		entries = p;
		room = more;
	}
	entries[count++] = (struct entry){session, cc, rc, ms};
}

void record_print_count(FILE *out, unsigned opens)
{
	bool first = true;

	fprintf(out, "{\"total\":%zu,\"opens\":%u,\"commands\":{", count, opens);
	for (size_t i = 0; i < count; i++) {
		size_t same = 0;
		bool seen = false;

		for (size_t k = 0; k < i && !seen; k++)
			seen = entries[k].cc == entries[i].cc;
		if (seen)
			continue;
		for (size_t k = i; k < count; k++)
			same += entries[k].cc == entries[i].cc;
		fprintf(out, "%s\"0x%03x\":%zu", first ? "" : ",", entries[i].cc, same);
		first = false;
	}
	fprintf(out, "}}");
}

void record_print_log(FILE *out)
{
	fprintf(out, "[");
	for (size_t i = 0; i < count; i++) {
		const struct entry *e = &entries[i];

		fprintf(out, "%s[%u,%u,", i == 0 ? "" : ",", e->session, e->cc);
		if (e->rc == UINT32_MAX)
			fprintf(out, "null");
		else
			fprintf(out, "%u", e->rc);
		fprintf(out, ",%.3f]", e->ms);
	}
	fprintf(out, "]");
}
