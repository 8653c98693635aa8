################################################################################
#
# attestd
#
# Use: make BR2_EXTERNAL=.../port/linux/packaging/buildroot menuconfig
#
# Tried: these very commands, with Buildroot's variables filled in, build and install
# attestd without a network (tests/compilers/test_recipes.py). Not tried: Buildroot
# itself, which Debian does not have. So nobody has seen it download, check the hashes,
# make the account or start the unit.
#
################################################################################

ATTESTD_VERSION = 0.1.0
ATTESTD_SITE = $(call qstrip,$(BR2_PACKAGE_ATTESTD_SITE))
ATTESTD_LICENSE = ISC, BSD-2-Clause (tpm2-tss), MIT (BearSSL, jsmn)
ATTESTD_LICENSE_FILES = LICENSE

# attestd.hash cannot have the sum of the archive that it is in itself.
BR_NO_CHECK_HASH_FOR += attestd-$(ATTESTD_VERSION).tar.gz

# The libraries are compiled in, in part; attestd's own build unpacks and checks them.
ATTESTD_EXTRA_DOWNLOADS = \
	tpm2-tss_4.1.3.orig.tar.gz \
	bearssl_0.6+dfsg.1.orig.tar.xz \
	jsmn_1.1.0.orig.tar.gz

# TARGET is only the name of the folder below build/.
define ATTESTD_BUILD_CMDS
	$(TARGET_MAKE_ENV) $(MAKE) -C $(@D) $(TARGET_CONFIGURE_OPTS) \
		TARGET=image DEPS_DIR=$(ATTESTD_DL_DIR)
endef

define ATTESTD_INSTALL_TARGET_CMDS
	$(INSTALL) -D -m 0755 $(@D)/build/image/attestd $(TARGET_DIR)/usr/sbin/attestd
endef

define ATTESTD_INSTALL_INIT_SYSTEMD
	$(INSTALL) -D -m 0644 $(@D)/port/linux/packaging/systemd/attestd.service \
		$(TARGET_DIR)/usr/lib/systemd/system/attestd.service
	$(INSTALL) -D -m 0644 $(@D)/port/linux/packaging/systemd/attestd.socket \
		$(TARGET_DIR)/usr/lib/systemd/system/attestd.socket
endef

# The unit's account; /dev/tpmrm0 is to belong to the group tss.
define ATTESTD_USERS
	attestd -1 attestd -1 * - - tss attestd
endef

$(eval $(generic-package))
