# attestd, for a layer of your own: recipes-support/attestd/attestd_0.1.0.bb.
#
# ATTESTD_ARCHIVES, for example in local.conf, is the folder with attestd-0.1.0.tar.gz and
# the libraries' archives that SRC_URI names. The distribution's C library must be musl:
# TCLIBC = "musl".
#
# Tried: do_compile and do_install, with the variables filled in, build and install attestd
# without a network (tests/compilers/test_recipes.py). Not tried: BitBake itself, which
# Debian does not have. So nobody has seen it fetch, package, or make the account.

SUMMARY = "A TPM 2.0 behind a JSON protocol"
LICENSE = "ISC & BSD-2-Clause & MIT"
LIC_FILES_CHKSUM = "file://LICENSE;md5=85ed2ef492e8c7ca7d250c823675904e"

# unpack=0: attestd's own build checks and unpacks them.
FILESEXTRAPATHS:prepend := "${ATTESTD_ARCHIVES}:"
SRC_URI = "file://attestd-${PV}.tar.gz \
           file://tpm2-tss_4.1.3.orig.tar.gz;name=tpm2-tss;unpack=0 \
           file://bearssl_0.6+dfsg.1.orig.tar.xz;name=bearssl;unpack=0 \
           file://jsmn_1.1.0.orig.tar.gz;name=jsmn;unpack=0"
SRC_URI[tpm2-tss.sha256sum] = "8a389bda64690910e7af7deaf64703a3faed416dc538c9c3e4f893f24893524d"
SRC_URI[bearssl.sha256sum] = "102a625bd8f6155260867a50c508df8d8c3f796985dd744df1a68e5cd1a79004"
SRC_URI[jsmn.sha256sum] = "5f0913a10657fe7ec8d5794ccf00a01000e3e1f2f1e1f143c34a0f7b47edcb38"

DEPENDS = "xz-native"
COMPATIBLE_HOST:libc-glibc = "null"

inherit systemd useradd
SYSTEMD_SERVICE:${PN} = "attestd.service"
# /dev/tpmrm0 is to belong to the group tss.
USERADD_PACKAGES = "${PN}"
GROUPADD_PARAM:${PN} = "--system tss"
USERADD_PARAM:${PN} = "--system --no-create-home --home-dir / --shell /sbin/nologin \
                       --user-group --groups tss attestd"

# Releases before 5.1 have no UNPACKDIR.
ATTESTD_DEPS_DIR = "${@d.getVar('UNPACKDIR') or d.getVar('WORKDIR')}"

# The binary comes without symbols.
INSANE_SKIP:${PN} += "already-stripped"

# TARGET is only the name of the folder below build/.
do_compile() {
    oe_runmake CC="${CC}" CFLAGS="${CFLAGS}" LDFLAGS="${LDFLAGS}" TARGET=image \
        DEPS_DIR="${ATTESTD_DEPS_DIR}"
}

do_install() {
    install -D -m 0755 build/image/attestd ${D}${sbindir}/attestd
    for unit in attestd.service attestd.socket; do
        install -D -m 0644 port/linux/packaging/systemd/$unit \
            ${D}${systemd_system_unitdir}/$unit
    done
}
