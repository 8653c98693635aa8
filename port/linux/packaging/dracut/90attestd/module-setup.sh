#!/bin/bash
# Puts attestd into the initramfs, if /etc/attestd/initramfs-exchange is there
# (an executable): that program, all that /etc/attestd/initramfs-files names,
# one a line, and the drivers of TPMs.
# shellcheck disable=SC2154 # dracut sets moddir

exchange=/etc/attestd/initramfs-exchange
files=/etc/attestd/initramfs-files
settings=/etc/attestd/initramfs.conf

# dracut gives the root file system another place if it is not this machine's.
root=${dracutsysrootdir-}

check() {
	[[ -x $root$exchange ]] || return 255 # only where it is asked for
}

depends() {
	echo base
}

# What the kernel has built in is not missed.
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
			dfatal "attestd: $exchange is to name its interpreter, not $interpreter:" \
				"only what it names is in the image"
			exit 1
		fi
	fi
	[[ ! -e $root$settings ]] || wanted+=("$settings")
	if [[ -e $root$files ]]; then
		# Its last line may lack the end.
		while read -r file || [[ -n $file ]]; do
			[[ -z $file ]] || wanted+=("$file")
		done < <(sed 's/#.*//' "$root$files")
	fi
	if ! inst_multiple "${wanted[@]}"; then
		dfatal "attestd: cannot copy all of: ${wanted[*]}"
		exit 1
	fi

	# When devices are there, if the root's is still to come; if it fails then,
	# when the network is up, if that is asked for. Before the root is mounted, if
	# it has not succeeded by then.
	inst_hook initqueue/settled 50 "$moddir/first.sh"
	inst_hook initqueue/online 50 "$moddir/again.sh"
	inst_hook pre-mount 10 "$moddir/again.sh"
	inst_hook cleanup 50 "$moddir/stop.sh"
	dracut_need_initqueue
}
