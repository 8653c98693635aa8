/*
 * All that attestd asks of an operating system.
 *
 * The port owns the buffers, the handles and the entry point. Connections are
 * half duplex: on each, either the peer is to send (after port_rx_arm) or we
 * are (after port_tx_send), and each of these yields exactly one event. One
 * thread calls all of this; nothing here blocks, but for port_wait,
 * port_tpm_open (bounded: see there) and port_call.
 *
 * Unless said otherwise an int is 0 or a negative enum err.
 */
#ifndef ATTESTD_PORT_H
#define ATTESTD_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- life ------------------------------------------------------------ */

/* The program's modes; a bit each, so that options can name several. */
enum port_mode {
	PORT_SERVE = 1, /* listen for clients */
	PORT_ONCE = 2, /* one client: standard input and output */
	PORT_CALL = 4, /* be the client */
	PORT_PROVISION = 8, /* keep the EK in the TPM, once and for all */
};
/* Those that talk to the TPM themselves. */
#define PORT_USES_TPM (PORT_SERVE | PORT_ONCE | PORT_PROVISION)
/* Those that there are on this system: port_mode bits. */
extern const unsigned port_modes;

/*
 * Runs body(argc, argv), in UTF-8, and returns its value for the process's
 * exit. A port whose system has a service manager may call body under it, on
 * another thread: from then on that is the one that calls all of this.
 */
int port_run(int argc, char **argv, int (*body)(int argc, char **argv));

/*
 * Options that only this port has (where to listen, which TPM). `set` keeps
 * the value in the port; it returns -ERR_USAGE if the value is wrong. The
 * strings live as long as the program, `value` too.
 */
struct port_option {
	char name[28]; /* with its dashes and, for the usage, its value: "--socket PATH" */
	const char *help; /* one line */
	unsigned modes; /* port_mode bits */
	int (*set)(const char *value);
};
extern const struct port_option port_options[];
extern const size_t port_option_count;

/*
 * Commands that only this port has ("install"), beside the modes. `args` is
 * what stands behind the name, up to a NULL: options of serve, found right
 * and set, if `options`; else nothing. Returns 0, or a negative enum err if
 * the reason was not printed yet, or > 0 if it was.
 */
struct port_subcommand {
	const char *name;
	const char *help; /* one line */
	bool options; /* takes those of serve */
	int (*run)(char **args);
};
/* Ends with an entry whose name is NULL. */
extern const struct port_subcommand port_subcommands[];

/* Told to whoever supervises the process, where somebody does. */
enum port_state { PORT_STARTING, PORT_READY, PORT_STOPPING, PORT_STOPPED };
void port_state(enum port_state state);

/*
 * Gives up what the process does not need: privileges, core dumps, all of the
 * system but the TPM and the connections. One way. Called once, after
 * port_listen; for PORT_CALL before port_call, and does less. What this system
 * lacks is logged; an error only if the options say that it must not lack it.
 */
int port_sandbox_enter(enum port_mode mode);

/* ---- connections ----------------------------------------------------- */

/*
 * PORT_SERVE: adopts the sockets that the supervisor passed, or creates one.
 * PORT_ONCE: standard input and output become connection 0, whose
 * PORT_EVENT_OPEN is the first event. PORT_PROVISION: there are no connections.
 * Call once. From here on the events that end the program (SIGTERM, SIGINT,
 * SIGHUP; Ctrl-C) arrive as PORT_EVENT_STOP.
 * -ERR_ADDRESS: somebody answers there; -ERR_USAGE: others could take its
 * place there; -ERR_IO. Each is logged with its reason.
 */
int port_listen(enum port_mode mode);

/* Accepts no more and removes what port_listen created. Idempotent. */
void port_unlisten(void);

enum port_event_kind {
	PORT_EVENT_OPEN, /* a client; its bytes are already asked for, as by port_rx_arm */
	PORT_EVENT_DATA, /* more bytes, or the end of them: look with port_rx */
	PORT_EVENT_SENT, /* the reply is out of our hands: port_close does not take it back */
	PORT_EVENT_CLOSED, /* the peer is gone or broken; port_close must follow */
	PORT_EVENT_TPM, /* the TPM's response can be read (see port_tpm_arm) */
	PORT_EVENT_STOP, /* the program shall end; comes once */
};
struct port_event {
	enum port_event_kind kind;
	unsigned conn; /* slot, 0 to CONN_MAX - 1; for OPEN, DATA, SENT, CLOSED */
};

#define PORT_NEVER UINT64_MAX

/*
 * Blocks until there are events or port_now_ms() reaches `deadline`
 * (PORT_NEVER: no limit; a time gone by: does not block). Returns their
 * number, at most `cap` (which MUST be > 0), 0 for the deadline, or -ERR_IO
 * when the system's wait itself is broken. Never "interrupted".
 */
int port_wait(struct port_event *events, size_t cap, uint64_t deadline);

/*
 * What has arrived and is not yet consumed: *p, *n (at most RX_MAX), valid
 * until the next port_rx_ack or port_rx_arm. Returns true if the peer will
 * send no more.
 */
bool port_rx(unsigned conn, const uint8_t **p, size_t *n);
/* Consumes the first n bytes of that; n MUST NOT be more than there is. */
void port_rx_ack(unsigned conn, size_t n);
/*
 * It is the peer's turn: one DATA or CLOSED follows. There MUST be room: less
 * than RX_MAX unconsumed bytes, and port_rx has not yet returned true.
 */
void port_rx_arm(unsigned conn);

/* Where the reply goes: *cap bytes (TX_MAX), of this slot alone. */
uint8_t *port_tx(unsigned conn, size_t *cap);
/* Sends the first n of them: one SENT or CLOSED follows. */
void port_tx_send(unsigned conn, size_t n);

/*
 * No further events of this slot. What the peer still sends is read away for
 * at most linger_ms, so that it can read its reply; linger_ms 0: closed at
 * once. The slot's buffers are wiped; a new client's OPEN may then use it.
 */
void port_close(unsigned conn, uint32_t linger_ms);

/*
 * To be asked once, at PORT_EVENT_OPEN: may this client come in? -ERR_ACCESS:
 * it is none of those who may; -ERR_CLIENTS: its account (the uid; on Windows
 * the SID) has CONN_EACH clients in already, those that linger included. Then
 * port_turn_away MUST follow. Standard input always may.
 */
int port_admit(unsigned conn);
/*
 * May this client, who was let in, have the AIK sign (--allow-quote)? Whoever
 * is in may where that was not said; standard input always may.
 */
bool port_may_quote(unsigned conn);
/*
 * Sends the first n bytes of port_tx, as far as that can be done at once, and
 * closes. It holds the slot no longer than it must: at most TURN_AWAY_MS.
 */
void port_turn_away(unsigned conn, size_t n);

/* Who the client is, from the kernel, as text for the log ("pid=7 uid=0"). */
struct port_id {
	char text[96];
};
void port_peer(unsigned conn, struct port_id *id);

/*
 * The client's side, for `attestd call`: sends `request` and a line end (or,
 * where it is NULL, the first line of standard input), and waits for one line,
 * which goes to buf without its line end. Blocks, at most 200 s (a TPM may
 * have to create keys first).
 */
int port_call(const char *request, uint8_t *buf, size_t cap, size_t *len);

/* ---- the TPM --------------------------------------------------------- */

struct TSS2_TCTI_OPAQUE_CONTEXT_BLOB; /* TSS2_TCTI_CONTEXT, tss2_tcti.h */

/*
 * Opens the TPM: the device of --tpm, or the system's in their order. The
 * TCTI is the port's, in static storage; *device is the name of what was
 * opened. One attempt; may block for 2 s where a device opens but is mute.
 * -ERR_TPM_UNAVAILABLE, _VERSION (it is a TPM 1.2), _DENIED, _BUSY, _SERVICE.
 */
int port_tpm_open(struct TSS2_TCTI_OPAQUE_CONTEXT_BLOB **tcti, const char **device);
/* Closes what port_tpm_open opened. Idempotent. */
void port_tpm_close(void);
/*
 * Is what was opened the TPM itself, ours alone? Otherwise a resource manager
 * is in between, and others' objects and sessions may be alive.
 */
bool port_tpm_is_bare(void);
/*
 * Does the system's resource manager keep loaded objects for us, and keep
 * ContextSave and ContextLoad to itself (Windows)? Then keys stay loaded until
 * the link is closed, and neither command is ever sent. Otherwise keys are
 * saved and loaded for each use (Linux: the kernel would swap a loaded key
 * around every command; a TPM without a resource manager has few slots).
 */
bool port_tpm_holds_keys(void);
/*
 * Why the last transfer to or from the TPM failed: -ERR_TPM_UNAVAILABLE where
 * the system does not say more; _DENIED, _BLOCKED, _SERVICE, _TIMEOUT, _GAP;
 * _CANCELED: the system cancelled the command, which may be sent again.
 */
int port_tpm_fault(void);
/*
 * The system may answer a command in the TPM's place, which then says
 * TPM_RC_COMMAND_CODE. Why the last one that said so did: -ERR_TPM_BLOCKED,
 * _DENIED: the system does not let it through; 0: the TPM does not know it.
 */
int port_tpm_refusal(void);
/*
 * One PORT_EVENT_TPM follows when a response can be read or the device is in
 * error. -ERR_NOTSUP: this system cannot tell; finish by blocking.
 */
int port_tpm_arm(void);

/*
 * endorsementAuth, as the system or its administrator gives it: *len bytes to
 * buf (AUTH_MAX); 0 of them where there is none. The TPM MUST be open. A
 * secret: the caller wipes it. May be asked again, where the TPM has refused
 * it: on Windows it may have been changed. -ERR_TPM_DENIED, -ERR_IO: it is
 * not to be had; *len is 0 then.
 */
int port_endorsement_auth(uint8_t *buf, size_t *len);

/* ownerAuth, in the same way; only where there is PORT_PROVISION. */
int port_owner_auth(uint8_t *buf, size_t *len);

/*
 * Certificates that may be the EK's, from elsewhere than the TPM: the n-th,
 * counted from 0, as *len bytes of DER or PEM (at most CERT_FILE_MAX) at *p,
 * valid until the next call. *source, a static string, is where it is from:
 * "system" or "file". -ERR_CERT_ABSENT: there are no more. -ERR_IO: this one
 * cannot be read; the next may be.
 */
int port_ek_cert(unsigned n, const uint8_t **p, size_t *len, const char **source);

/*
 * Certificates of the authorities above the EK's, from elsewhere than the TPM:
 * as port_ek_cert, in DER. Asked where the TPM holds none.
 */
int port_ek_chain(unsigned n, const uint8_t **p, size_t *len);

/* ---- the rest -------------------------------------------------------- */

enum port_log_level { PORT_LOG_ERROR, PORT_LOG_WARNING, PORT_LOG_INFO, PORT_LOG_DEBUG };
/*
 * One line for the log; the port adds time and level, and the line end. The
 * text is printable (src/service/log_lines.c sees to it).
 */
void port_log(enum port_log_level level, const char *text, size_t n);

/*
 * Text for a person, or a reply: to standard output, or to standard error.
 * -ERR_IO, logged: not all of it could be written.
 */
int port_print(bool to_stderr, const char *text, size_t n);

/* Milliseconds of a monotonic clock. */
uint64_t port_now_ms(void);

/*
 * n bytes from the system's generator: all of them, or -ERR_RANDOM (it has
 * none yet, early in the boot; this does not wait for it) or -ERR_IO.
 */
int port_random(uint8_t *buf, size_t n);

#endif
