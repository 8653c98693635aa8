"""The first inputs of the fuzz targets that read TPM responses: fuzz_tpm_response.c and fuzz_tpm.c."""
import struct

from seed_data import ENC, HMAC, ID_OBJECT, MODULUS, QUOTED, RSA_CERT, SECRET, tpm2b, tpm2b_32, u16, u32


def message(tag, code, body):
    return u16(tag) + u32(10 + len(body)) + u32(code) + body


def tpm_response():
    def pair(command, answer):
        return tpm2b(command) + answer

    def plain(code, parameters):
        return pair(message(0x8001, code, ENC[:12]), message(0x8001, 0, parameters))

    def authorised(code, handles, parameters):
        command = message(0x8002, code, u32(0x80000001) * handles + tpm2b_32(password) + ENC)
        return pair(command, message(0x8002, 0, tpm2b_32(parameters) + auth))

    password = u32(0x40000009) + u16(0) + b"\x01" + u16(0)
    policy = u32(0x03000000) + tpm2b(HMAC) + b"\x40" + tpm2b(HMAC)
    auth = u16(0) + b"\x01" + u16(0)
    hmac = tpm2b(HMAC) + b"\x40" + tpm2b(HMAC)
    ticket = u16(0x8021) + u32(0x4000000B) + tpm2b(HMAC)
    rsassa = u16(0x0014) + u16(0x000B) + tpm2b(SECRET)
    ecdsa = u16(0x0018) + u16(0x000B) + tpm2b(HMAC) + tpm2b(HMAC)
    selection = u16(0x000B) + b"\x03\x81\x40\x00"
    activate = message(0x8002, 0x147, u32(0x80000001) + u32(0x80000000)
                       + tpm2b_32(password + policy) + tpm2b(ID_OBJECT) + tpm2b(SECRET))
    create = message(0x8002, 0x131, u32(0x4000000B) + tpm2b_32(password) + ENC)
    return {
        "activate": pair(activate, message(0x8002, 0, tpm2b_32(tpm2b(HMAC)) + auth + hmac)),
        "create": pair(create, message(0x8002, 0, u32(0x80000000) + tpm2b_32(
            tpm2b(SECRET) + tpm2b(ENC) + tpm2b(HMAC) + ticket + tpm2b(HMAC)) + auth)),
        "properties": plain(0x17A, b"\x00" + u32(6) + u32(2) + ENC[:16]),
        "handles": plain(0x17A, b"\x01" + u32(1) + u32(3) + ENC[:12]),
        "public": plain(0x173, tpm2b(SECRET) + tpm2b(HMAC) + tpm2b(HMAC)),
        "context": plain(0x162, ENC[:16] + tpm2b(SECRET)),
        "pcrs": plain(0x17E, u32(9) + u32(1) + selection + u32(3) + tpm2b(HMAC) * 3),
        "secret": authorised(0x151, 2, tpm2b(b"") + ticket),
        "certify_creation": authorised(0x14A, 2, tpm2b(QUOTED) + ecdsa),
        "certify": authorised(0x148, 2, tpm2b(QUOTED) + ecdsa),
        "quote_rsa": authorised(0x158, 1, tpm2b(QUOTED) + rsassa),
        "quote_ecc": authorised(0x158, 1, tpm2b(QUOTED) + ecdsa),
        "error": pair(message(0x8001, 0x17A, ENC[:12]), message(0x8001, 0x101, b"")),
        "manager": pair(message(0x8001, 0x17A, ENC[:12]), message(0x8001, 0x000B0143, b"")),
        "tpm12": pair(message(0x8001, 0x17A, ENC[:12]), message(0xC4, 30, b"")),
    }


# fuzz_tpm.c's commands, in tpm_device.h's order.
COMMANDS = ["read_public", "nv_read_public", "get_capability", "nv_read", "create_primary",
            "context_save", "context_load", "flush_context", "start_auth_session",
            "policy_secret", "activate_credential", "policy_get_digest", "quote", "pcr_read",
            "certify", "certify_creation"]
RAW, HEADED, PARAMETERS = 0, 64, 128
# Bits of fuzz_tpm.c's first byte, the TPM; some commands are only sent to one kind of TPM.
PERSISTENT, BARE, FULL, CHAIN, CHANGING = 1, 2, 4, 64, 128
# Bits of its second byte, the requests: RSA AIK, bank, PCRs, PCRs change once.
RSA, SHA1, SHA384, SHA512, ALL_PCRS, CHANGES = 1, 2, 4, 6, 8, 128
ASKED = {"read_public": PERSISTENT, "policy_get_digest": BARE}


def tpm():
    name = tpm2b(u16(0x000B) + bytes(32))
    policy = bytes.fromhex("837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa")

    def rsa(modulus, exponent):
        return tpm2b(u16(0x0001) + u16(0x000B) + u32(0x000300B2) + tpm2b(policy) + u16(0x0006)
                     + u16(128) + u16(0x0043) + u16(0x0010) + u16(len(modulus) * 8)
                     + u32(exponent) + tpm2b(modulus))

    ek = rsa(MODULUS, 0)
    aik = tpm2b(u16(0x0023) + u16(0x000B) + u32(0x00050072) + tpm2b(b"")
                + u16(0x0010) + u16(0x0018) + u16(0x000B) + u16(0x0003) + u16(0x0010)
                + tpm2b(HMAC) + tpm2b(HMAC))
    rsa_aik = tpm2b(u16(0x0001) + u16(0x000B) + u32(0x00050072) + tpm2b(b"") + u16(0x0010)
                    + u16(0x0014) + u16(0x000B) + u16(2048) + u32(0) + tpm2b(MODULUS))
    creation = (u32(0) + tpm2b(HMAC) + b"\x01" + u16(0x0010) + tpm2b(u32(0x4000000B)) * 2
                + tpm2b(b""))
    created = (tpm2b(creation) + tpm2b(HMAC) + u16(0x8021) + u32(0x4000000B) + tpm2b(HMAC) + name)
    rsassa = u16(0x0014) + u16(0x000B) + tpm2b(SECRET)
    ecdsa = u16(0x0018) + u16(0x000B) + tpm2b(HMAC) + tpm2b(HMAC)
    # The nonce and the PCRs are those of a second byte that is 0.
    quoted = (bytes.fromhex("ff5443478018") + name + tpm2b(b"\x17" * 20) + bytes(25)
              + u32(1) + u16(0x000B) + b"\x03\xff\x40\x00" + tpm2b(HMAC))
    read = u32(1) + u32(1) + u16(0x000B) + b"\x03\x00\x40\x00" + u32(1) + tpm2b(HMAC)
    nv_public = tpm2b(u32(0x01C00002) + u16(0x000B) + u32(0x20060000) + tpm2b(b"") + u16(64))
    context = struct.pack(">Q", 7) + u32(0x80000000) + u32(0x4000000B) + tpm2b(bytes(16))

    def answers(*given, kind=0, asked=0):
        return bytes([kind, asked]) + b"".join(
            bytes([how | COMMANDS.index(command)]) + tpm2b(data) for how, command, data in given)

    def listed(*handles):
        data = b"\x00" + u32(1) + u32(len(handles)) + b"".join(map(u32, handles))
        return PARAMETERS, "get_capability", data

    def error(rc):
        return message(0x8001, rc, b"")

    seeds = {
        "good": answers(),
        "persistent": answers(kind=PERSISTENT),
        "read_public": answers((PARAMETERS, "read_public", ek + name + name),
                               (PARAMETERS, "read_public", aik + name + name)),
        "nv": answers((PARAMETERS, "nv_read_public", nv_public + name),
                      (PARAMETERS, "nv_read_public", nv_public + name),
                      (PARAMETERS, "get_capability",
                       b"\x01" + u32(6) + u32(1) + u32(0x12C) + u32(1024)),
                      (PARAMETERS, "nv_read", tpm2b(RSA_CERT[:40]))),
        "created": answers((PARAMETERS, "create_primary", u32(0x80000000) + ek + created),
                           (PARAMETERS, "context_save", context),
                           (PARAMETERS, "create_primary", u32(0x80000000) + aik + created),
                           (PARAMETERS, "context_load", u32(0x80000002))),
        "created_short": answers((PARAMETERS, "create_primary",
                                  u32(0x80000000) + rsa(MODULUS[:128], 3) + created)),
        "created_long": answers((PARAMETERS, "create_primary",
                                 u32(0x80000000) + rsa(MODULUS + MODULUS, 65537) + created)),
        "created_ecc": answers((PARAMETERS, "create_primary",
                                u32(0x80000000) + aik + created)),
        "session": answers((PARAMETERS, "start_auth_session", u32(0x03000001) + tpm2b(HMAC)),
                           (PARAMETERS, "policy_secret",
                            tpm2b(b"") + u16(0x8023) + u32(0x40000007) + tpm2b(b"")),
                           (PARAMETERS, "activate_credential", tpm2b(HMAC)), kind=PERSISTENT),
        "asked_rsa": answers(asked=RSA | ALL_PCRS),
        "asked_sha1": answers(asked=SHA1 | CHANGES),
        "asked_sha384": answers(asked=SHA384, kind=CHAIN),
        "asked_sha512": answers(asked=SHA512 | ALL_PCRS, kind=CHANGING),
        "chain": answers(listed(0x01C00100, 0x01C00103, 0x01C001FF, 0x01C00200), kind=CHAIN),
        "chain_more": answers((PARAMETERS, "get_capability", b"\x00" + u32(6) + u32(0)),
                              (PARAMETERS, "get_capability",
                               b"\x01" + u32(1) + u32(1) + u32(0x01C00101)), kind=CHAIN),
        "chain_backwards": answers((PARAMETERS, "get_capability", b"\x00" + u32(6) + u32(0)),
                                   listed(0x01C00102, 0x01C00102, 0x01C00101), kind=CHAIN),
        "created_rsa": answers((PARAMETERS, "create_primary", u32(0x80000000) + ek + created),
                               (PARAMETERS, "create_primary",
                                u32(0x80000000) + rsa_aik + created),
                               (PARAMETERS, "certify_creation", tpm2b(quoted) + rsassa),
                               asked=RSA),
        "quote": answers((PARAMETERS, "quote", tpm2b(quoted) + ecdsa)),
        "quote_long": answers((PARAMETERS, "quote", tpm2b(quoted + bytes(300)) + ecdsa)),
        "quote_other": answers((PARAMETERS, "quote", tpm2b(quoted.replace(b"\x17", b"\x18"))
                                + rsassa)),
        "quote_few": answers((PARAMETERS, "quote", tpm2b(quoted.replace(b"\xff@\0", b"\x01@\0"))
                              + ecdsa)),
        "quote_bank": answers((HEADED, "quote", error(0x3C3))),
        "quote_nonce": answers((HEADED, "quote", error(0x1D5))),
        "pcr_read": answers((PARAMETERS, "pcr_read", read)),
        "pcr_read_other": answers((PARAMETERS, "pcr_read", read.replace(b"\0@\0", b"\0\0\1"))),
        "certify": answers((PARAMETERS, "certify", tpm2b(quoted) + ecdsa)),
        "certify_nonce": answers((HEADED, "certify", error(0x1D5))),
        "owner": answers((HEADED, "nv_read", error(0x12F)), (HEADED, "nv_read", error(0x149))),
        "retry": answers(*[(HEADED, "get_capability", error(0x922))] * 7),
        "longest": answers((HEADED, "read_public", message(0x8001, 0, bytes(4086)))),
        "too_long": answers((HEADED, "read_public", message(0x8001, 0, bytes(6000)))),
        "flush": answers((HEADED, "flush_context", error(0x1DF))),
        "sweep": answers(kind=BARE),
        "sweep_full": answers(kind=BARE | FULL),
        "sweep_many": answers(listed(*range(0x80000000, 0x80000014)),
                              listed(*range(0x02000000, 0x02000010)), kind=BARE),
        "sweep_short": answers(
            (PARAMETERS, "get_capability", b"\x01" + u32(1) + u32(9) + u32(0x80000012)),
            (PARAMETERS, "get_capability", b"\x00" + u32(1)), kind=BARE),
        "sweep_keys": answers(listed(0x80000001, 0x80000002),
                              (PARAMETERS, "read_public", ek + name + name),
                              (PARAMETERS, "read_public", aik + name + name), kind=BARE),
        "sweep_sessions": answers(listed(), listed(0x03000000, 0x03000001),
                                  (PARAMETERS, "policy_get_digest", tpm2b(policy)),
                                  (PARAMETERS, "policy_get_digest", tpm2b(bytes(32))),
                                  kind=BARE | FULL),
        "sweep_retry": answers((HEADED, "flush_context", error(0x922)),
                               (HEADED, "flush_context", error(0x18B)), kind=BARE),
    }
    for command in COMMANDS:
        seeds[f"error_{command}"] = answers((RAW, command, error(0x101)),
                                            kind=ASKED.get(command, 0))
    return seeds
