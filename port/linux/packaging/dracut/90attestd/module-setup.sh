#!/bin/bash
# If there is an executable /etc/attestd/initramfs-exchange, puts it into the
# initramfs, with attestd, the files that /etc/attestd/initramfs-files lists, one a
# line, and the TPM drivers.
# shellcheck disable=SC2154 # dracut sets moddir

exchange=/etc/attestd/initramfs-exchange
files=/etc/attestd/initramfs-files
settings=/etc/attestd/initramfs.conf

# dracut sets this if it makes an image for a root file system that is mounted elsewhere.
root=${dracutsysrootdir-}

check() {
	[[ -x $root$exchange ]] || return 255 # only if there is an exchange
}

depends() {
	echo base
}

# Drivers that are built into the kernel do not have to be there as modules.
installkernel() {
	hostonly='' instmods '=drivers/char/tpm'
}

install() {
	local -a wanted=(/usr/sbin/attestd /usr/lib/attestd/early mkdir rm rmdir sleep)
	local file interpreter

	if [[ -x $root$exchange ]]; then
		wanted+=("$exchange")
		interpreter=$(sed -n '1s/^#![ 	]*\([^ 	]*\).*/\1/p' "$root$exchange")
		if [[ $interpreter == */env ]]; then
			dfatal "attestd: $exchange must name its interpreter, not $interpreter:" \
				"only the program that it names is in the image"
			exit 1
		fi
	fi
	[[ ! -e $root$settings ]] || wanted+=("$settings")
	if [[ -e $root$files ]]; then
		# The last line may have no newline at its end.
		while read -r file || [[ -n $file ]]; do
			[[ -z $file ]] || wanted+=("$file")
		done < <(sed 's/#.*//' "$root$files")
	fi
	if ! inst_multiple "${wanted[@]}"; then
		dfatal "attestd: cannot copy all of: ${wanted[*]}"
		exit 1
	fi

	# The first attempt is when devices have settled, if the root's is still missing.
	# If it fails, the next is when the network is up, if there is to be one; and the
	# last before the root is mounted.
	inst_hook initqueue/settled 50 "$moddir/first.sh"
	inst_hook initqueue/online 50 "$moddir/again.sh"
	inst_hook pre-mount 10 "$moddir/again.sh"
	inst_hook cleanup 50 "$moddir/stop.sh"
	dracut_need_initqueue
}
