/*
 * The port contract: all that attestd asks of an operating system.
 *
 * The port owns the buffers, the handles and the entry point. A connection is
 * half duplex: either the peer sends (after port_rx_arm) or attestd does (after
 * port_tx_send), and each of the two calls yields exactly one event. One thread
 * calls all of these functions. None of them blocks, except port_wait,
 * port_tpm_open (for a limited time, see there) and port_call.
 *
 * Unless something else is said, an int is 0 or a negative enum err.
 */
#ifndef ATTESTD_PORT_H
#define ATTESTD_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- life ------------------------------------------------------------ */

/* The program's modes. Each is a bit, so that an option can name several. */
enum port_mode {
	PORT_SERVE = 1, /* listen for clients */
	PORT_ONCE = 2, /* one client: standard input and output */
	PORT_CALL = 4, /* be the client */
	PORT_PROVISION = 8, /* make the EK persistent in the TPM */
};
/* The modes that talk to the TPM themselves. */
#define PORT_USES_TPM (PORT_SERVE | PORT_ONCE | PORT_PROVISION)
/* The modes that this system has: port_mode bits. */
extern const unsigned port_modes;

/*
 * Calls body(argc, argv), with arguments in UTF-8, and returns its value, which
 * becomes the process's exit code. Under a service manager the port may call
 * body on another thread: that thread then calls everything below.
 */
int port_run(int argc, char **argv, int (*body)(int argc, char **argv));

/*
 * Options that only this port has (where to listen, which TPM). `set` stores
 * the value in the port; it returns -ERR_USAGE if the value is wrong. All
 * strings, `value` as well, live as long as the program.
 */
struct port_option {
	char name[28]; /* as the usage shows it, with its value: "--socket PATH" */
	const char *help; /* one line */
	unsigned modes; /* port_mode bits */
	int (*set)(const char *value);
};
extern const struct port_option port_options[];
extern const size_t port_option_count;

/*
 * Subcommands that only this port has ("install"), besides the modes. `args`
 * are the arguments after the name, up to a NULL: if `options`, they are
 * options of serve, already checked and set; otherwise there are none. `run`
 * returns 0, or a negative enum err if the reason is still to be printed, or
 * > 0 if it has printed it.
 */
struct port_subcommand {
	const char *name;
	const char *help; /* one line */
	bool options; /* takes the options of serve */
	int (*run)(char **args);
};
/* The last entry's name is NULL. */
extern const struct port_subcommand port_subcommands[];

/* Tells the supervisor of this process, if there is one. */
enum port_state { PORT_STARTING, PORT_READY, PORT_STOPPING, PORT_STOPPED };
void port_state(enum port_state state);

/*
 * Gives up what the process does not need: privileges, core dumps, and access
 * to anything but the TPM and the connections. There is no way back. Call it
 * once, after port_listen; for PORT_CALL, where it does less, before port_call.
 * Protections that this system lacks are logged; that is an error only if the
 * options say so.
 */
int port_sandbox_enter(enum port_mode mode);

/* ---- connections ----------------------------------------------------- */

/*
 * PORT_SERVE: uses the sockets that the supervisor passed, or creates one.
 * PORT_ONCE: standard input and output become connection 0, whose
 * PORT_EVENT_OPEN is the first event. PORT_PROVISION: there are no connections.
 * Call it once. From then on, what ends the program (SIGTERM, SIGINT, SIGHUP;
 * Ctrl-C) arrives as PORT_EVENT_STOP.
 * -ERR_ADDRESS: another program answers there; -ERR_USAGE: other users could
 * put a socket of theirs there; -ERR_IO. Each is logged with its reason.
 */
int port_listen(enum port_mode mode);

/* Accepts no more clients and removes what port_listen created. Idempotent. */
void port_unlisten(void);

enum port_event_kind {
	PORT_EVENT_OPEN, /* a new client; the port already reads, as after port_rx_arm */
	PORT_EVENT_DATA, /* more bytes have arrived, or their end: see port_rx */
	PORT_EVENT_SENT, /* the reply is with the system: port_close does not take it back */
	PORT_EVENT_CLOSED, /* the peer is gone or broken; port_close must follow */
	PORT_EVENT_TPM, /* the TPM's response can be read (see port_tpm_arm) */
	PORT_EVENT_STOP, /* the program shall end; this comes once */
};
struct port_event {
	enum port_event_kind kind;
	unsigned conn; /* slot, 0 to CONN_MAX - 1; for OPEN, DATA, SENT, CLOSED */
};

#define PORT_NEVER UINT64_MAX

/*
 * Blocks until there are events or port_now_ms() reaches `deadline`
 * (PORT_NEVER: no limit; a time in the past: does not block). Returns the number
 * of events, at most `cap` (which MUST be > 0); 0 at the deadline; -ERR_IO if
 * the system's own wait fails. A signal does not end it early.
 */
int port_wait(struct port_event *events, size_t cap, uint64_t deadline);

/*
 * The bytes that have arrived and are not yet consumed: *n of them (at most
 * RX_MAX) at *p, valid until the next port_rx_ack or port_rx_arm. Returns true
 * if the peer will send no more.
 */
bool port_rx(unsigned conn, const uint8_t **p, size_t *n);
/* Consumes the first n of these bytes; n MUST NOT be more than there are. */
void port_rx_ack(unsigned conn, size_t n);
/*
 * The peer is to send: one DATA or CLOSED follows. There MUST be room, that is
 * fewer than RX_MAX unconsumed bytes, and port_rx MUST NOT have returned true.
 */
void port_rx_arm(unsigned conn);

/* The buffer for the reply: *cap bytes (TX_MAX), for this slot alone. */
uint8_t *port_tx(unsigned conn, size_t *cap);
/* Sends the first n bytes of it: one SENT or CLOSED follows. */
void port_tx_send(unsigned conn, size_t n);

/*
 * Ends the connection: no further events of this slot. What the peer still
 * sends is read and thrown away for at most linger_ms, so that the peer can read
 * its reply; with 0 the connection is closed at once. The slot's buffers are
 * wiped; then a new client may get the slot, with an OPEN.
 */
void port_close(unsigned conn, uint32_t linger_ms);

/*
 * May this client use attestd? Ask once, at PORT_EVENT_OPEN. -ERR_ACCESS: it is
 * not among those who may; -ERR_CLIENTS: its account (the uid; on Windows the
 * SID) already has CONN_EACH connections, including those that linger. After an
 * error port_turn_away MUST follow. Standard input always may.
 */
int port_admit(unsigned conn);
/*
 * May this client, which was admitted, have the AIK sign (--allow-quote)?
 * Without that option every client may; standard input always may.
 */
bool port_may_quote(unsigned conn);
/*
 * Sends the first n bytes of port_tx if that can be done at once, and closes
 * the connection. The slot is free again after at most TURN_AWAY_MS.
 */
void port_turn_away(unsigned conn, size_t n);

/* Who the client is, as the kernel says, in text for the log ("pid=7 uid=0"). */
struct port_id {
	char text[96];
};
void port_peer(unsigned conn, struct port_id *id);

/*
 * The client's side, for `attestd call`: sends `request` with a line end (if it
 * is NULL, the first line of standard input) and waits for one line, which goes
 * to buf without its line end. Blocks for at most 200 s, because the TPM may
 * have to create keys first.
 */
int port_call(const char *request, uint8_t *buf, size_t cap, size_t *len);

/* ---- the TPM --------------------------------------------------------- */

struct TSS2_TCTI_OPAQUE_CONTEXT_BLOB; /* TSS2_TCTI_CONTEXT, tss2_tcti.h */

/*
 * Opens the TPM: the device of --tpm, or the first of the system's that opens.
 * The TCTI belongs to the port, in static storage; *device is the name of what
 * was opened. Tries once; may block for 2 s if a device opens but does not answer.
 * -ERR_TPM_UNAVAILABLE, _VERSION (it is a TPM 1.2), _DENIED, _BUSY, _SERVICE.
 */
int port_tpm_open(struct TSS2_TCTI_OPAQUE_CONTEXT_BLOB **tcti, const char **device);
/* Closes what port_tpm_open opened. Idempotent. */
void port_tpm_close(void);
/*
 * Is the TPM itself open, for attestd alone? Otherwise there is a resource
 * manager in between, and other programs may have objects and sessions.
 */
bool port_tpm_is_bare(void);
/*
 * Does the system's resource manager keep our objects loaded, and forbid us
 * ContextSave and ContextLoad (Windows)? Then keys stay loaded until the link
 * is closed, and neither command is ever sent. Otherwise keys are saved, and
 * loaded for each use (Linux: the kernel would swap a loaded key out and in
 * around every command; a TPM without a resource manager has few slots).
 */
bool port_tpm_holds_keys(void);
/*
 * Why the last transfer to or from the TPM failed: -ERR_TPM_UNAVAILABLE if the
 * system says no more than that; _DENIED, _BLOCKED, _SERVICE, _TIMEOUT, _GAP;
 * _CANCELED: the system cancelled the command, which may be sent again.
 */
int port_tpm_fault(void);
/*
 * The reason for the last response that was TPM_RC_COMMAND_CODE, since a system
 * may give it in the TPM's place. -ERR_TPM_BLOCKED, _DENIED: the system did not
 * let the command through; 0: the TPM does not know the command.
 */
int port_tpm_refusal(void);
/*
 * Asks for one PORT_EVENT_TPM, for when a response can be read or the device is
 * in error. -ERR_NOTSUP: this system cannot tell; receive by blocking.
 */
int port_tpm_arm(void);

/*
 * endorsementAuth, as the system or its administrator gives it: *len bytes in
 * buf (AUTH_MAX), 0 if there is none. The TPM MUST be open. It is a secret,
 * which the caller wipes. If the TPM has refused it, it may be asked for again:
 * on Windows it may have changed. -ERR_TPM_DENIED, -ERR_IO: the system does not
 * give it; *len is 0 then.
 */
int port_endorsement_auth(uint8_t *buf, size_t *len);

/* ownerAuth, in the same way; only in a port that has PORT_PROVISION. */
int port_owner_auth(uint8_t *buf, size_t *len);

/*
 * Certificates that may be the EK's and are not in the TPM: the n-th, counted
 * from 0, as *len bytes of DER or PEM (at most CERT_FILE_MAX) at *p, valid until
 * the next call. *source is a static string that says where it comes from:
 * "system" or "file". -ERR_CERT_ABSENT: there are no more. -ERR_IO: this one
 * cannot be read; the next one may be readable.
 */
int port_ek_cert(unsigned n, const uint8_t **p, size_t *len, const char **source);

/*
 * Certificates of the authorities above the EK's that are not in the TPM: as
 * port_ek_cert, but in DER. Asked for if the TPM holds none.
 */
int port_ek_chain(unsigned n, const uint8_t **p, size_t *len);

/* ---- log, output, clock, random numbers ------------------------------ */

enum port_log_level { PORT_LOG_ERROR, PORT_LOG_WARNING, PORT_LOG_INFO, PORT_LOG_DEBUG };
/*
 * Writes one line to the log; the port adds time, level and line end. The text
 * is printable (src/service/log_lines.c sees to that).
 */
void port_log(enum port_log_level level, const char *text, size_t n);

/*
 * Writes text for a person, or a reply, to standard output or standard error.
 * -ERR_IO, logged: not all of it could be written.
 */
int port_print(bool to_stderr, const char *text, size_t n);

/* Milliseconds of a monotonic clock. */
uint64_t port_now_ms(void);

/*
 * Fills buf with n bytes from the system's generator. -ERR_RANDOM: it has none
 * yet, early in the boot, and this does not wait for them; or -ERR_IO.
 */
int port_random(uint8_t *buf, size_t n);

#endif
